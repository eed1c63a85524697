"""The applications that shikyu is measured beside."""

import pytest

pytest.importorskip("torch")

from confluent_kafka.admin import AdminClient

from benchmarks import apps
from benchmarks.checkpoint import checkpoint
from benchmarks.place import Place

pytestmark = [pytest.mark.train, pytest.mark.kafka, pytest.mark.timeout(300)]


def test_an_application_is_there_when_it_has_its_partitions(cluster, name, tmp_path):
    """As a consumer of ours is: what it takes to start is in the figures of neither."""
    checkpoint(tmp_path, "tiny", with_optimum=False)
    cluster.create_topic(f"{name}.in", 2)

    with apps.poll_loop(cluster, tmp_path, Place(tmp_path, tmp_path, f"{name}.in", name)):
        admin = AdminClient({"bootstrap.servers": cluster.bootstrap_servers})
        found = admin.describe_consumer_groups([name])[name].result()

    assert [len(each.assignment.topic_partitions) for each in found.members] == [2]
