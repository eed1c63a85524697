"""
`python -m deploy.image TARGET…`: builds targets of the Dockerfile and runs each. `serve+extras` is serve, LOCK=extras.

The consumer's image answers a message of a real Kafka. Exit codes: 0, 3 the surroundings, 5 a limit not met.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from confluent_kafka import Consumer, Producer

from consumer.errors import LimitError, ShikyuError, SurroundingsError
from deploy.image import building, running
from deploy.image.running import Image
from local.cluster import Cluster
from local.ports import free_port
from local.processes import Child

FOLDER = building.ROOT / "build" / "image"
SAMPLE = building.ROOT / "artifacts" / "sample"
MOST_MB = 450
READY_WITHIN_S = 180
# What shows that an environment is whole, where nothing can be computed here.
LOOKS = {
    "gpu": ("doctor", "--help"),
    "train": ("run", "--help"),
    "ticketing": ("run", "--help"),
}
# A help loads nothing: what finds out whether the libraries find theirs, as nobody on a root that is read-only.
LOADS = {
    "gpu": "import consumer.torch_backend, torch; assert torch.version.cuda",
    "train": "import datasets, onnx, sklearn, torch, transformers; assert torch.version.cuda",
    "serve+extras": "import consumer.live_page.app, opentelemetry.exporter.otlp.proto.http.trace_exporter, uvicorn",
    "serve+openvino": "from consumer.cpu_backend import is_computable; is_computable('int8-bf16')",
}


def main(targets: list[str]) -> int:
    """Prints one line of JSON for each target."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        building.make_base(FOLDER)
        with building.mounted(building.base_image()) as base:
            base_mb = building.size_mb(base)
        for target in targets:
            print(json.dumps(_checked(target, base_mb)), flush=True)
    except ShikyuError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _checked(target: str, base_mb: float) -> dict[str, object]:
    began = time.monotonic()
    name = building.build(target)
    told: dict[str, object] = {"target": target, "built_s": round(time.monotonic() - began)}
    with building.mounted(name) as root:
        size = building.size_mb(root)
        told |= {"size_mb": round(size), "of_it_base_mb": round(base_mb)}
        image = running.image(name, root)
        _require_modest(image, root)
        if target in LOADS:
            running.done(running.as_python(image), ["-c", LOADS[target]])
        if target in LOOKS:
            running.done(image, LOOKS[target])
        else:
            told |= _answers(image, None if target == "with-artifact" else SAMPLE)
    if target == "serve" and size > MOST_MB:
        raise LimitError(f"the serving image has {size:.0f} MB, more than {MOST_MB}")
    return told


def _require_modest(image: Image, root: Path) -> None:
    """Nobody runs it, it says what is in it, and nothing that builds is in it."""
    labels = image.settings["Labels"]
    bill = json.loads((root / labels["shikyu.sbom"].lstrip("/")).read_text(encoding="utf-8"))
    wrong = {
        "it is run by root": image.settings["User"].split(":")[0] in ("", "0"),
        "its bill of materials is empty": not bill["components"],
        "its environment has pip": (root / "opt/shikyu/bin/pip").exists(),
    }
    if found := [words for words, holds in wrong.items() if holds]:
        raise LimitError("; ".join(found))


def _answers(image: Image, artifact: Path | None) -> dict[str, object]:
    """The consumer makes its topics, gets ready, answers a message, and leaves in order."""
    with tempfile.TemporaryDirectory(prefix="shikyu-image-") as temporary, Cluster(Path(temporary), False) as cluster:
        port = free_port()
        variables = {
            **image.variables,
            "SHIKYU_KAFKA_BOOTSTRAP_SERVERS": cluster.bootstrap_servers,
            "SHIKYU_HTTP_PORT": str(port),
            "SHIKYU_INPUT_FORMAT": "json",
            "SHIKYU_OUTPUT_FORMAT": "json",
        }
        running.done(image, ["topics", "create", "--inputs", "--partitions", "3"], variables)
        log = Path(temporary) / "shikyu.log"
        child = Child.start(
            image.command(image.settings["Cmd"], artifact), folder=Path(temporary), log=log, environment=variables
        )
        try:
            ready_s = running.until_ready(child, port, READY_WITHIN_S)
            answered_s = _one_message(cluster.bootstrap_servers)
        finally:
            code = child.stop(15)
        if code:
            raise SurroundingsError(f"it left with exit code {code}:\n{child.last_lines()}")
    return {"ready_s": round(ready_s, 1), "answered_s": round(answered_s, 2)}


def _one_message(bootstrap_servers: str) -> float:
    reader = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "image-check",
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )
    reader.subscribe(["urgent", "routine"])
    writer = Producer({"bootstrap.servers": bootstrap_servers})
    began = time.monotonic()
    writer.produce("customer-messages", json.dumps({"id": "1", "text": "Third week without heating."}))
    writer.flush(30)
    try:
        while time.monotonic() - began < 60:
            record = reader.poll(0.1)
            if record is not None and not record.error():
                return time.monotonic() - began
    finally:
        reader.close()
    raise SurroundingsError("the message was not answered within 60 s")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["serve"]))
