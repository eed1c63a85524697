"""
What `shikyu page` and `shikyu top` watch: one frame of tail (answers as they come), lag, and the consumers' /metrics.

peers (asks for these) -> scrape (what two readings say of the time between them); others (are they of this stream?).
"""
