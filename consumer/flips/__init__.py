"""
What a replay would have decided otherwise: `shikyu flips`.

topics (which hold a run's answers) -> read (Kafka, to a frozen end) -> answers (a record's) -> table (one row a source
record, in duckdb) -> count (figures, as JSON) -> page and told (those figures for people), limits (for pipelines)
"""
