"""What `shikyu page` and `shikyu top` watch: tail (answers as they come), scrape (/metrics), lag; one frame of all."""
