"""The events that shikyu reads and writes, as Avro and JSON Schemas."""
