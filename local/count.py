"""From records in the four topics to the tally."""

import time

from confluent_kafka.schema_registry import SchemaRegistryClient

from consumer.errors import SurroundingsError
from consumer.records import Record
from local import topics
from local.arrivals import Arrival, Arrivals, Classified
from local.reader import Reader
from local.tally import Tally

LIMIT_S = 30.0


class Count:
    """Tells inputs from outputs, and keeps the tally."""

    def __init__(self, registry: SchemaRegistryClient) -> None:
        self.tally = Tally()
        self._arrivals = Arrivals(registry)

    def take(self, record: Record) -> Arrival | None:
        """What the record says if it is an output; None for an input."""
        if record.topic == topics.INPUT:
            self.tally.went_in((record.topic, record.partition, record.offset))
            return None
        arrival = self._arrivals.of(record)
        if isinstance(arrival, Classified):
            self.tally.came_out(arrival.source, record.topic, arrival.latency_s)
        else:
            self.tally.came_out(arrival.source, "dead-lettered")
        return arrival


def count_all(bootstrap_servers: str, registry: SchemaRegistryClient) -> Tally:
    """All that is committed now, read from the beginning to the end. Raises SurroundingsError."""
    count = Count(registry)
    end = time.monotonic() + LIMIT_S
    with Reader(bootstrap_servers, topics.ALL) as reader:
        while not reader.is_at_end:
            if time.monotonic() > end:
                raise SurroundingsError(f"the topics at {bootstrap_servers} were not read to their end in {LIMIT_S} s")
            for record in reader.read(0.1):
                count.take(record)
    return count.tally
