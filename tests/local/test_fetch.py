import hashlib
import io
import tarfile
import threading
import time

import pytest
import requests

from consumer.errors import SurroundingsError
from local import fetch

COORDINATE = "org.example:thing:jar:1.0"
GOOD = b"the jar"
PINS = {COORDINATE: hashlib.sha256(GOOD).hexdigest()}


@pytest.fixture
def repository(monkeypatch):
    """Maven's files in a dict; `asked` holds what was downloaded."""
    files, asked = {COORDINATE: GOOD}, []

    def download(coordinate, staging):
        asked.append(coordinate)
        time.sleep(0.05)
        path = staging / "file"
        path.write_bytes(files[coordinate])
        return path

    monkeypatch.setattr(fetch, "_download", download)
    monkeypatch.setattr(fetch, "pins", lambda _: PINS)
    return files, asked


def test_every_file_of_the_lock_is_pinned():
    """Kafka and the registry, in the versions that the project names, each file by a whole SHA-256."""
    kafka, registry = fetch.pins("kafka"), fetch.pins("registry")
    assert "org.apache.kafka:kafka_2.13:jar:4.4.0" in kafka
    assert list(registry) == ["io.apicurio:apicurio-registry-app:tar.gz:all:3.3.3"]
    assert all(len(bytes.fromhex(sha256)) == 32 for sha256 in (*kafka.values(), *registry.values()))


def test_a_coordinate_gives_mavens_file_name():
    """Also with a classifier, and with a packaging of two parts."""
    assert fetch.file_name("a.b:c:tar.gz:all:1.2") == "c-1.2-all.tar.gz"
    assert fetch.file_name("a.b:c_2.13:jar:1.2") == "c_2.13-1.2.jar"


def test_a_file_is_fetched_once(tmp_path, repository):
    """The second start finds it in the cache."""
    first = fetch.kafka_jars(tmp_path)
    assert fetch.kafka_jars(tmp_path) == first
    assert [path.read_bytes() for path in first] == [GOOD]
    assert repository[1] == [COORDINATE]


def test_a_file_that_differs_is_refused(tmp_path, repository):
    """Another file under the pinned name is thrown away, and both hashes are told."""
    repository[0][COORDINATE] = b"something else"
    with pytest.raises(SurroundingsError, match=f"thing:jar:1.0 is not the file .* pinned is {PINS[COORDINATE]}"):
        fetch.kafka_jars(tmp_path)
    assert list(tmp_path.rglob("*.jar")) == []


def test_a_damaged_file_in_the_cache_is_fetched_again(tmp_path, repository):
    """Each start compares; what was damaged on disk is never run."""
    [path] = fetch.kafka_jars(tmp_path)
    path.write_bytes(GOOD[:-1])
    assert [path.read_bytes() for path in fetch.kafka_jars(tmp_path)] == [GOOD]


def test_two_starts_at_once_fetch_once(tmp_path, repository):
    """The second waits for the first and takes what it left."""
    threads = [threading.Thread(target=fetch.kafka_jars, args=(tmp_path,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert repository[1] == [COORDINATE]


def test_without_a_network_it_says_what_is_missing(tmp_path, monkeypatch):
    """After three attempts: which file, and where a mirror is named."""
    attempts = []

    def refuse(*_args, **_options):
        attempts.append(1)
        raise requests.ConnectionError("no route")

    monkeypatch.setattr("jgo.util.http.request", refuse)
    monkeypatch.setattr(fetch, "pins", lambda _: PINS)
    with pytest.raises(SurroundingsError, match=r"thing:jar:1.0 could not be fetched \(ConnectionError, 3 attempts\)"):
        fetch.kafka_jars(tmp_path)
    assert len(attempts) == 3


def test_a_certificate_that_is_not_trusted_says_how_to_trust_it(tmp_path, monkeypatch):
    """As behind a company's proxy; the variable is the one that requests reads."""

    def refuse(*_args, **_options):
        raise requests.exceptions.SSLError("CERTIFICATE_VERIFY_FAILED")

    monkeypatch.setattr("jgo.util.http.request", refuse)
    monkeypatch.setattr(fetch, "pins", lambda _: PINS)
    with pytest.raises(SurroundingsError, match="the CA's file in REQUESTS_CA_BUNDLE"):
        fetch.kafka_jars(tmp_path)


def test_a_download_is_told_before_it_begins(tmp_path):
    """With its size, and only where there is one."""
    assert "201 MB" in fetch.notice(tmp_path)

    (tmp_path / "jars").mkdir()
    (tmp_path / f"registry-{next(iter(fetch.pins('registry').values()))[:16]}").mkdir()

    assert fetch.notice(tmp_path) is None


def test_a_registry_with_a_file_cut_short_is_unpacked_again(tmp_path, repository, monkeypatch):
    """A file whose size changed since it was unpacked is not run."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as files:
        entry = tarfile.TarInfo("quarkus-run.jar")
        entry.size = len(GOOD)
        files.addfile(entry, io.BytesIO(GOOD))
    repository[0][COORDINATE] = archive.getvalue()
    monkeypatch.setattr(fetch, "pins", lambda _: {COORDINATE: hashlib.sha256(archive.getvalue()).hexdigest()})
    folder = fetch.registry_folder(tmp_path)
    fetch.registry_folder(tmp_path)
    assert len(repository[1]) == 1
    (folder / "quarkus-run.jar").write_bytes(b"")
    assert (fetch.registry_folder(tmp_path) / "quarkus-run.jar").read_bytes() == GOOD
    assert len(repository[1]) == 2
