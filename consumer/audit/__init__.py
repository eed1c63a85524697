"""
How good the decisions are among live messages, from a share of them that people look at.

draw (marks messages in the stream); then, later: window (the answers of a time, from Kafka) -> twice (each message's
once) -> population (strata, and the marked ones as people judged them) -> estimate (recall and precision, over
weighted: sums of few) -> count (figures, as JSON, with promise beside them) -> told (those for a terminal). live goes
that way.
"""
