"""A real Kafka and Schema Registry on this machine, from Python packages alone."""
