"""
`shikyu page`: a page to try a text, watch the stream, correct answers and see how the promise stands.

serve (the address) -> access (who may see it) -> app (what is asked for) -> trial, corrections, standing; watching/.
"""
