"""
Reading a part of the past again, in its own group, to its end (docs/replay.md).

`window` says what was asked and what it is frozen to, `freeze` asks Kafka for it, `runs` keeps it in a topic, `source`
reads no further, `progress` looks how far all processes of a run have come, `start` puts a run's settings together.
"""
