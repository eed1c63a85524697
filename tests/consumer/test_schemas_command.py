import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from confluent_kafka.schema_registry import RegisteredSchema, Schema
from confluent_kafka.schema_registry.error import SchemaRegistryError

import schemas as events
from consumer.cli import shikyu
from consumer.errors import LimitError, PassingFault, SettingsError
from consumer.registration import Outcome, Registrar, Target, register, targets
from consumer.settings import Corrections, Input, Output, Settings

THEIRS = Schema('{"type": "record", "name": "Mail", "namespace": "shop", "fields": []}', "AVRO")


class Registry:
    """Subjects with their versions and levels; what is in `refused` is incompatible, for this reason."""

    def __init__(self) -> None:
        self.versions: dict[str, list[Schema]] = {}
        self.levels: dict[str, str] = {}
        self.refused: dict[str, str] = {}
        self.changes: list[str] = []

    def lookup_schema(self, subject_name: str, schema: Schema) -> RegisteredSchema:
        if schema not in self.versions.get(subject_name, []):
            raise SchemaRegistryError(404, 40403, "Schema not found")
        return self._registered(subject_name, schema)

    def get_latest_version(self, subject_name: str) -> RegisteredSchema:
        if subject_name not in self.versions:
            raise SchemaRegistryError(404, 40401, "Subject not found")
        return self._registered(subject_name, self.versions[subject_name][-1])

    def get_compatibility(self, subject_name: str) -> str:
        if subject_name not in self.levels:
            raise SchemaRegistryError(404, 40408, "No level for this subject")
        return self.levels[subject_name]

    def set_compatibility(self, subject_name: str, level: str) -> None:
        self.changes.append(f"{subject_name} {level}")
        self.levels[subject_name] = level

    def delete_config(self, subject_name: str) -> None:
        self.changes.append(f"{subject_name} without level")
        del self.levels[subject_name]

    def test_compatibility(self, subject_name: str, schema: Schema) -> bool:
        return subject_name not in self.refused

    def register_schema(self, subject_name: str, schema: Schema) -> int:
        self.changes.append(f"{subject_name} registered")
        if subject_name in self.refused:
            raise SchemaRegistryError(409, 409, self.refused[subject_name])
        self.versions.setdefault(subject_name, []).append(schema)
        return self._registered(subject_name, schema).schema_id or 0

    def __enter__(self) -> "Registry":
        return self

    def __exit__(self, *raised: object) -> None:
        pass

    def _registered(self, subject: str, schema: Schema) -> RegisteredSchema:
        every = [(name, each) for name, versions in self.versions.items() for each in versions]
        return RegisteredSchema(
            schema_id=every.index((subject, schema)) + 1, guid=None, subject=subject, version=1, schema=schema
        )


def done(registry: Registrar, settings: Settings | None = None, *only: events.Event) -> dict[str, tuple[str, str]]:
    outcomes: list[Outcome] = register(registry, "http://r", targets(settings or Settings(), only))
    return {outcome.target.subject: (outcome.fate, outcome.detail) for outcome in outcomes}


def test_each_event_goes_under_its_topics_with_backward() -> None:
    """And again, nothing happens."""
    registry = Registry()

    assert done(registry) == {
        "customer-messages-value": ("registered", "id 1"),
        "urgent-value": ("registered", "id 2"),
        "routine-value": ("registered", "id 3"),
        "corrections-value": ("registered", "id 4"),
    }
    assert set(registry.levels.values()) == {"BACKWARD"}
    assert {fate for fate, _ in done(registry).values()} == {"unchanged"}
    assert [len(versions) for versions in registry.versions.values()] == [1, 1, 1, 1]


def test_what_is_incompatible_is_told_and_nothing_is_registered() -> None:
    """In the registry's own words; half of a set of schemas would be worse than none."""
    registry = Registry()
    registry.versions["routine-value"] = [THEIRS]
    registry.refused["routine-value"] = "no default for field text"

    assert done(registry) == {"routine-value": ("incompatible", "no default for field text")}
    assert list(registry.versions) == ["routine-value"]


@pytest.mark.parametrize("level", ["NONE", None])
def test_a_refusal_leaves_everything_as_it_was(level: str | None) -> None:
    """Every verdict is heard before anything is registered; levels that had to be raised to hear it are put back."""
    registry = Registry()
    for subject in ("customer-messages-value", "urgent-value", "routine-value"):
        registry.versions[subject] = [Schema(events.avro("correction"), "AVRO")]
        if level is not None:
            registry.levels[subject] = level
    registry.versions["customer-messages-value"] = [Schema(events.avro("customer-message"), "AVRO")]
    registry.refused["routine-value"] = "no default for field text"
    before = {subject: list(versions) for subject, versions in registry.versions.items()}, dict(registry.levels)

    outcomes = done(registry)

    assert outcomes == {
        "customer-messages-value": ("unchanged", "id 1"),
        "routine-value": ("incompatible", "no default for field text"),
    }
    assert (registry.versions, registry.levels) == before
    attempts = [change for change in registry.changes if change.endswith("registered")]
    assert attempts == ["routine-value registered"]  # refused: the registry gives its reason with a registration alone


def test_what_is_registered_after_all_is_told_as_such() -> None:
    """Where the subject changed between the verdict and the question why."""

    class Changing(Registry):
        def test_compatibility(self, subject_name: str, schema: Schema) -> bool:
            return subject_name != "routine-value"

    registry = Changing()
    registry.versions["routine-value"] = [THEIRS]

    assert done(registry)["routine-value"][0] == "registered"


def test_a_users_own_event_on_an_input_topic_is_left_alone() -> None:
    """Its level too: the subject is not ours."""
    registry = Registry()
    registry.versions["customer-messages-value"] = [THEIRS]

    assert done(registry)["customer-messages-value"] == ("left alone", "holds your own event shop.Mail")
    assert "customer-messages-value" not in registry.levels


@pytest.mark.parametrize(("before", "after"), [("NONE", "BACKWARD"), ("FORWARD", "BACKWARD"), ("FULL", "FULL")])
def test_a_stricter_level_stays(before: str, after: str) -> None:
    registry = Registry()
    registry.versions["urgent-value"] = [THEIRS]
    registry.levels["urgent-value"] = before

    done(registry)

    assert registry.levels["urgent-value"] == after


def test_only_what_needs_a_registry_is_registered() -> None:
    """JSON Schemas for json-schema, nothing for formats without one, nothing for patterns; or what --only names."""
    fixes = Corrections(topic="fixes")
    bare = Settings(input=Input(format="json"), output=Output(format="json-schema"), corrections=fixes)
    pattern = Settings(input=Input(topics=("^mail-.*",)))

    assert [(t.subject, t.schema_type) for t in targets(bare)] == [
        ("urgent-value", "JSON"),
        ("routine-value", "JSON"),
        ("fixes-value", "JSON"),
    ]
    assert "customer-message" not in {t.event for t in targets(pattern)}
    assert list(done(Registry(), None, "correction")) == ["corrections-value"]
    assert Target("x", "correction", "JSON").schema.schema_str == events.json_schema("correction")


def test_a_registry_that_is_away_is_said() -> None:
    class Away(Registry):
        def get_latest_version(self, subject_name: str) -> RegisteredSchema:
            raise SchemaRegistryError(503, -1, "starting")

    with pytest.raises(PassingFault, match="HTTP 503"):
        done(Away())


def call(*arguments: str) -> Result:
    return CliRunner().invoke(shikyu, ["schemas", *arguments])


def test_show_prints_events_and_schemas(tmp_path: Path) -> None:
    assert [line.split()[0] for line in call("show").output.splitlines()] == list(events.EVENTS)
    assert json.loads(call("show", "correction").output)["name"] == "Correction"
    assert json.loads(call("show", "correction", "--format", "json-schema").output)["title"] == "Correction"


def test_register_prints_and_exits_by_what_came_of_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """0 when all are there, 5 when one is incompatible, 2 without a registry's address."""
    monkeypatch.chdir(tmp_path)
    registry = Registry()
    monkeypatch.setattr("consumer.commands.schemas.connect", lambda url, options: registry)

    told = call("register", "--registry-url", "http://r", "--only", "correction")
    assert told.output.split() == ["registered", "correction", "AVRO", "corrections-value:", "id", "1"]
    assert told.exit_code == 0

    registry.versions["urgent-value"] = [THEIRS]
    registry.refused["urgent-value"] = "no default for field text"
    told = call("register", "--registry-url", "http://r")
    assert "incompatible classified-message   AVRO urgent-value: no default for field text" in told.output
    assert isinstance(told.exception, LimitError)
    assert isinstance(call("register").exception, SettingsError)
