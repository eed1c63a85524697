"""Whether settings that are well written are right, too; nobody is asked."""

from consumer import kafka_options
from consumer.audit.draw import require_key
from consumer.decode import Decoder
from consumer.encode import require_registry
from consumer.schema_store import open_store
from consumer.settings import Settings
from consumer.tracing import tracing


def must_be_right(settings: Settings) -> None:
    """
    Raises SettingsError for an option of librdkafka's, an expression, a schema file, the audit's key or an exporter of
    traces that is wrong or missing.
    """
    kafka_options.verify(settings)
    with open_store(settings.registry.url, settings.registry.options, settings.input.schemas) as store:
        Decoder(settings.input, store, settings.rules)
        require_registry(settings.output, store)
    require_key(settings.audit)
    with tracing(settings, lambda most_s: most_s):
        pass  # nothing is sent, for there is nothing to send
