"""Write `jars.toml` anew: resolve the versions named here, fetch each file once, and note its SHA-256."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

from jgo.maven import MavenContext

from local.fetch import PINS, artifact, context, sha256_of

KAFKA = "org.apache.kafka:kafka_2.13:jar:4.4.0"
# Kafka's server leaves the choice of a log to its distribution; this one needs no settings file.
KAFKA_LOG = "org.slf4j:slf4j-simple:jar:1.7.36"
REGISTRY = "io.apicurio:apicurio-registry-app:tar.gz:all:3.3.3"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        maven = context(Path(folder))
        inputs, transitive = maven.resolver.resolve([maven.create_dependency(c) for c in (KAFKA, KAFKA_LOG)])
        jars = [f"{d.groupId}:{d.artifactId}:jar:{d.version}" for d in (*inputs, *transitive)]
        parts = {"kafka": _section(maven, jars), "registry": _section(maven, [REGISTRY])}
    text = "\n".join(f"[{part}]\n{lines}" for part, lines in parts.items())
    PINS.write_text(
        f"# Written by `python -m local.lock_jars`: every file of the local cluster, and its SHA-256.\n{text}"
    )


def _section(maven: MavenContext, coordinates: Iterable[str]) -> str:
    lines = sorted(f'"{c}" = "{sha256_of(Path(artifact(maven, c).resolve()))}"' for c in coordinates)
    return "".join(f"{line}\n" for line in lines)


if __name__ == "__main__":
    main()
