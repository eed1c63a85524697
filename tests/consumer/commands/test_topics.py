"""`shikyu topics create` on the real broker."""

import pytest
from confluent_kafka.admin import AdminClient

from consumer import cli
from consumer.topic_configs import read
from tests.service.process import free_port

pytestmark = pytest.mark.kafka


@pytest.fixture
def create(cluster, name, capsys, tmp_path, monkeypatch):
    """Runs it on names of this test's own; returns exit code, standard output, standard error and partition counts."""
    monkeypatch.chdir(tmp_path)
    names = {role: f"{name}.{role}" for role in ("in", "urgent", "routine", "dead")}
    flags = [
        *("--kafka", f"bootstrap.servers={cluster.bootstrap_servers}", "--input-topics", names["in"]),
        *("--output-urgent", names["urgent"], "--output-routine", names["routine"]),
        *("--dead-letters-topic", names["dead"]),
    ]

    def run(*more: str) -> tuple[int, str, str, dict[str, int]]:
        code = cli.main(["topics", "create", *flags, *more])
        known = AdminClient({"bootstrap.servers": cluster.bootstrap_servers}).list_topics(timeout=10).topics
        counts = {role: len(known[topic].partitions) for role, topic in names.items() if topic in known}
        return code, *capsys.readouterr(), counts

    run.names = names
    return run


def test_what_is_missing_is_created_like_the_input(cluster, create):
    """With its number of partitions, and room for reasons around its largest record; and again, nothing happens."""
    cluster.create_topic(create.names["in"], 5, {"max.message.bytes": "3000000"})
    cluster.create_topic(create.names["routine"], 2)

    code, out, err, counts = create()

    assert (code, err) == (0, "")
    assert counts == {"in": 5, "urgent": 5, "routine": 2, "dead": 5}
    config = read({"bootstrap.servers": cluster.bootstrap_servers}, [create.names["dead"]])
    assert config[create.names["dead"]].max_message_bytes == 3_000_000 + 65_536
    assert [line.split(":")[0].split() for line in out.splitlines()] == [
        ["exists", create.names["routine"]],
        ["warning", create.names["routine"]],
        ["created", create.names["dead"]],
        ["created", create.names["urgent"]],
    ]
    assert f"2 partitions where the input topic {create.names['in']} has 5, so that a key's answers" in out
    code, out, _, _ = create()
    assert (code, [line.split()[0] for line in out.splitlines()]) == (0, ["exists"] * 3 + ["warning"])


def test_a_missing_input_is_told_where_the_outputs_are_there(cluster, create):
    """Else all would seem to be ready."""
    for role in ("urgent", "routine", "dead"):
        cluster.create_topic(create.names[role], 2)

    code, out, _, _ = create()

    assert code == 0
    assert out.splitlines()[3:] == [f"missing      {create.names['in']}: --inputs creates it"]


def test_without_an_input_somebody_says_how_many_partitions(create):
    """Exit code 2, and nothing is created; --inputs creates the input too."""
    code, out, err, counts = create("--inputs")

    assert (code, out, counts) == (2, "", {})
    assert "give --partitions" in err
    assert create("--inputs", "--partitions", "2", "--replication-factor", "1")[3] == dict.fromkeys(create.names, 2)


def test_dry_run_creates_nothing(create):
    """But Kafka is asked, so that a refusal shows."""
    code, out, _, counts = create("--partitions", "2", "--dry-run")

    assert (code, counts) == (0, {})
    assert out.count("would create") == 3
    assert create("--partitions", "2", "--dry-run", "--replication-factor", "9")[0] == 2


def test_too_many_replicas_are_refused(create):
    """With Kafka's own reason, and the flag that mends it."""
    code, _, err, counts = create("--partitions", "2", "--replication-factor", "9")

    assert (code, counts) == (2, {})
    assert "--replication-factor" in err


def test_no_broker_is_a_matter_of_the_surroundings(capsys, monkeypatch):
    """Exit code 3, with the address."""
    monkeypatch.setattr("consumer.surroundings.ANSWER_S", 0.1)
    nobody = f"127.0.0.1:{free_port()}"

    assert cli.main(["topics", "create", "--kafka", f"bootstrap.servers={nobody}"]) == 3
    assert f"no broker answered at {nobody}" in capsys.readouterr().err
