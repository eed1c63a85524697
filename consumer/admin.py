"""The client that asks Kafka about topics, and creates them."""

from collections.abc import Mapping
from typing import Any, cast

from confluent_kafka.admin import AdminClient


def admin_client(config: Mapping[str, Any], **more: Any) -> AdminClient:
    """`config` is librdkafka's. It logs nothing: what goes wrong is told once, by the error of whoever asks."""
    return AdminClient(cast("Any", {**config, "log_level": 0, **more}))
