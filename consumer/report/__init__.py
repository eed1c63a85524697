"""
One page for the head of support: `shikyu report`.

read (the window's answers, corrections and dead letters) -> volume and slices (counted as they are read) -> figures
(JSON) -> page (those figures for people). Recall and the promise are consumer/audit's.
"""
