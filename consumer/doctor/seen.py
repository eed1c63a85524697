"""What earlier checks have seen, for the later ones."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka.admin._metadata import ClusterMetadata

from consumer import kafka_options, surroundings, topics
from consumer.classify import Classifier
from consumer.quarantine import Place
from consumer.records import Decision, Message, Record
from consumer.settings import Settings
from consumer.topic_configs import TopicConfig


@dataclass(slots=True)
class Seen:
    """A field without a default is set by the check that later ones need, and not before."""

    settings: Settings
    client: Mapping[str, Any] = field(init=False)  # librdkafka's options
    listing: ClusterMetadata = field(init=False)
    configs: Mapping[str, TopicConfig] = field(default_factory=dict)
    ends: Mapping[Place, int] = field(default_factory=dict)  # of the inputs' partitions, at `ends_at`
    ends_at: float = 0.0
    records: list[Record] = field(default_factory=list)
    messages: list[tuple[Record, Message]] = field(default_factory=list)  # those of `records`
    classifier: Classifier = field(init=False)
    answered: list[tuple[Record, Message, Decision]] = field(default_factory=list)
    per_s: float = 0.0  # messages that the model answers here

    def connect(self) -> None:
        """Makes `client`, of settings that are right."""
        self.client = kafka_options.client_config(self.settings)

    @property
    def inputs(self) -> list[str]:
        """Those that are there and seen."""
        return surroundings.present(self.settings.input.topics, self.listing)

    @property
    def named_inputs(self) -> list[str]:
        """Those that have to be there, and what a pattern matches."""
        named = [topic for topic in self.settings.input.topics if not topic.startswith("^")]
        return named or self.inputs

    @property
    def outputs(self) -> list[str]:
        settings = self.settings
        live = (settings.output.urgent, settings.output.routine, settings.dead_letters.topic)
        return list(dict.fromkeys((*live, *settings.shadow.topics)))

    @property
    def places(self) -> list[Place]:
        return [(topic, partition) for topic in self.inputs for partition in self.listing.topics[topic].partitions]

    def is_there(self, topic: str) -> bool:
        return not topics.missing(self.listing, [topic])

    def note_ends(self, ends: Mapping[Place, int]) -> None:
        self.ends, self.ends_at = ends, time.monotonic()
