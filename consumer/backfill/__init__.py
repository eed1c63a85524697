"""
Answers what stands in files, for what Kafka no longer holds (docs/backfill.md).

`files` looks at them once, `rows` reads them and `parquet_rows` makes JSON of Parquet. To topics: `source` stands in
for Kafka's input in the live loop, `to_topics` begins such a run and ends it. To Parquet: `answering` is the pure
middle without Kafka, `parts` and `tables` write what it answers, `folder` keeps how far it is, `to_parquet` goes
through the parts and `on_ray` lets a cluster do so.
"""
