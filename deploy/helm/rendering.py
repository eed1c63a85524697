"""What Helm itself makes of the chart, and what it has to refuse."""

import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from deploy.helm.sources import CHART, EVERYTHING, MADE_OF, state

PAGE = Path(__file__).parents[2] / "docs" / "deploy.md"
# A first install needs one value.
LEAST = ("--set", "kafka.bootstrapServers=broker:9092")
# Built by Go alone, Helm takes the version of Kubernetes for one of long ago.
KUBERNETES = ("--kube-version", "1.34")
# What must not be installed, and a part of what Helm has to say about it.
REFUSED: tuple[tuple[tuple[str, ...], str], ...] = (
    ((), "kafka"),
    ((*LEAST, "--set", "replicas=7"), "set replicas to at most 6"),
    ((*LEAST, "--set", "keda.enabled=true,keda.maxReplicas=7"), "set it to at most 6"),
    ((*LEAST, "--set", "keda.enabled=true,keda.activationLagThreshold=5"), "a lag of one in each partition"),
    ((*LEAST, "--set", "keda.enabled=true,kafka.topics={^support-.*}"), "KEDA needs topics by name"),
    ((*LEAST, "--set", "artifact.from=persistentVolumeClaim"), "name the claim"),
    ((*LEAST, "--set", "artifact.from=initContainer"), "name its image and command"),
    ((*LEAST, "--set", "training.enabled=true"), "name the claim with the recipe"),
    ((*LEAST, "--set", "kafka.ca.secret=a,kafka.ca.configMap=b"), "not both"),
    ((*LEAST, "--set", "replica=1"), "replica"),
    ((*LEAST, "--set", "kafka.partition=1"), "partition"),
    ((*LEAST, "--set", r"kafka.options.sasl\.password=geheim"), "sasl.password"),
    ((*LEAST, "--set", "artifact.from=hub"), "artifact"),
    ((*LEAST, "--set", "terminationGracePeriodSeconds=5"), "terminationGracePeriodSeconds"),
)


def lint(helm: Path) -> str:
    """What `helm lint --strict` has against the chart; empty for nothing."""
    told = [
        f"{done.stdout}{done.stderr}".strip()
        for values in (LEAST, ("--values", str(EVERYTHING)))
        if (done := _helm(helm, "lint", "--strict", str(CHART), *KUBERNETES, *values)).returncode
    ]
    return "\n".join(told)


def everything(helm: Path) -> str:
    """The text of rendered.yaml."""
    return f"{MADE_OF}{state()}.\n{template(helm, '--values', str(EVERYTHING))}"


def template(helm: Path, *values: str) -> str:
    """Raises ValueError with Helm's own words."""
    done = _helm(helm, "template", "shikyu", str(CHART), "--namespace", "support", *KUBERNETES, *values)
    if done.returncode:
        raise ValueError(done.stderr.strip())
    return done.stdout


def let_pass(helm: Path) -> list[str]:
    """Of what must be refused, what is not, or with other words."""
    found = []
    for values, words in REFUSED:
        try:
            template(helm, *values)
        except ValueError as refusal:
            if words not in str(refusal):
                found.append(f"{' '.join(values)}: refused, but says nothing of {words!r}: {refusal}")
        else:
            found.append(f"{' '.join(values)}: not refused")
    return found


def of_the_page(helm: Path) -> list[str]:
    """What Helm has against the values that docs/deploy.md shows; each block is installed over the least."""
    found = []
    for block in re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        if "apiVersion:" in block:
            continue
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as values:
            values.write(block)
            values.flush()
            try:
                template(helm, *LEAST, "--set", "kafka.partitions=12", "--values", values.name)
            except ValueError as refusal:
                found.append(f"{PAGE.name}: {refusal} of\n{block}")
    return found


def _helm(helm: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command: Sequence[str] = [str(helm), *words]
    return subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, check=False)
