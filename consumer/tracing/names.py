"""
Every name in our spans: OpenTelemetry's semantic conventions for messaging, v1.44.

They are still called a development version, so that opentelemetry-semantic-conventions has them in a module of its own
that may change with each release: written out here, a name changes when we change it.
"""

from typing import Final

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.44.0"

SYSTEM: Final = "messaging.system"
OPERATION_NAME: Final = "messaging.operation.name"
OPERATION_TYPE: Final = "messaging.operation.type"
DESTINATION_NAME: Final = "messaging.destination.name"
PARTITION_ID: Final = "messaging.destination.partition.id"
CONSUMER_GROUP: Final = "messaging.consumer.group.name"
OFFSET: Final = "messaging.kafka.offset"
MESSAGE_COUNT: Final = "messaging.batch.message_count"
ERROR_TYPE: Final = "error.type"

KAFKA: Final = "kafka"
PROCESS: Final = "process"
SEND: Final = "send"
