"""
How good the decisions are among live messages, from a share of them that people look at.

draw (marks messages in the stream) -> population (what a window's events tell, and how people judged) -> estimate
(recall and precision, with intervals) over weighted (sums of few) -> live (from the topics to the figures) -> told
"""
