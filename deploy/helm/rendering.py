"""What Helm itself makes of the chart, and what it has to refuse."""

import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from deploy.helm import cluster, validation
from deploy.helm.sources import CHART, EVERYTHING, MADE_OF, state

PAGES = tuple(Path(__file__).parents[2] / "docs" / name for name in ("deploy.md", "tracing.md"))
# A first install needs one value.
LEAST = ("--set", "kafka.bootstrapServers=broker:9092")
# Built by Go alone, Helm takes the version of Kubernetes for one of long ago.
KUBERNETES = ("--kube-version", "1.34")
# What must not be installed, and a part of what Helm has to say about it.
REFUSED: tuple[tuple[tuple[str, ...], str], ...] = (
    ((), "kafka.bootstrapServers is not set"),
    (("--set", "kafka.bootstrapServers=broker"), "at '/kafka/bootstrapServers'"),
    ((*LEAST, "--set", "extraEnv[0].name=SHIKYU_TRACING_ENABLED,extraEnv[0].value=true"), "got boolean, want string"),
    ((*LEAST, "--set", "sidecars[0].env[0].name=A,sidecars[0].env[0].value=3"), "got number, want string"),
    ((*LEAST, "--set", "prometheusRule.runbookBase=docs"), "runbookBase"),
    ((*LEAST, "--set", "replicas=7"), "set replicas to at most 6"),
    ((*LEAST, "--set", "keda.enabled=true,keda.maxReplicas=7"), "set it to at most 6"),
    ((*LEAST, "--set", "keda.enabled=true,replicas=4,keda.maxReplicas=3"), "is 4, more than keda.maxReplicas, 3"),
    ((*LEAST, "--set", "keda.enabled=true,keda.activationLagThreshold=5"), "a lag of one in each partition"),
    ((*LEAST, "--set", "keda.enabled=true,kafka.topics={^support-.*}"), "KEDA needs topics by name"),
    ((*LEAST, "--set", "artifact.from=persistentVolumeClaim"), "name the claim"),
    ((*LEAST, "--set", "artifact.from=initContainer"), "name its image and command"),
    ((*LEAST, "--set", "training.enabled=true"), "name the claim with the recipe"),
    ((*LEAST, "--set", "kafka.ca.secret=a,kafka.ca.configMap=b"), "not both"),
    ((*LEAST, "--set", "replica=1"), "replica"),
    ((*LEAST, "--set", "kafka.partition=1"), "partition"),
    ((*LEAST, "--set", r"kafka.options.sasl\.password=geheim"), "kafka.saslSecret"),
    ((*LEAST, "--set", r"kafka.options.ssl\.key\.pem=geheim"), "kafka.clientCertificateSecret"),
    ((*LEAST, "--set", "config=[kafka]\n\"sasl.password\" = 'geheim'"), "config sets kafka.sasl.password"),
    ((*LEAST, "--set", "config=[kafka.consumer.sasl]\npassword = 'geheim'"), "kafka.saslSecret"),
    (
        (*LEAST, "--set", "config=kafka.sasl.oauthbearer = {client.secret = 'x'}"),
        "OAUTHBEARER_CLIENT_SECRET",
    ),
    ((*LEAST, "--set", "config=[[kafka]]\n[[kafka]]\nssl.key.password = 'geheim'"), "kafka.clientCertificateSecret"),
    ((*LEAST, "--set", "config=registry = {options = {basic.auth.user.info = 'a:b'}}"), "registry.basicAuthSecret"),
    ((*LEAST, "--set", "config=registry.url = 'https://a:geheim@registry'"), "registry.basicAuthSecret"),
    ((*LEAST, "--set", "config=[audit]\nkey = 'geheim'"), "extraEnv gives as SHIKYU_AUDIT_KEY"),
    ((*LEAST, "--set", "config=[kafka"), "config is no TOML"),
    ((*LEAST, "--set", "extraEnv[0].name=SHIKYU_AUDIT_KEY,extraEnv[0].value=geheim"), "SHIKYU_AUDIT_KEY is a secret"),
    ((*LEAST, "--set", "training.env[0].name=HF_TOKEN,training.env[0].value=geheim"), "HF_TOKEN is a secret"),
    ((*LEAST, "--set", "sidecars[0].env[0].name=HF_TOKEN,sidecars[0].env[0].value=geheim"), "HF_TOKEN is a secret"),
    (
        (*LEAST, "--set", "extraEnv[0].name=OTEL_EXPORTER_OTLP_HEADERS,extraEnv[0].value=authorization=Bearer x"),
        "OTEL_EXPORTER_OTLP_HEADERS is a secret",
    ),
    ((*LEAST, "--set", "registry.url=https://a:geheim@registry"), "at '/registry/url'"),
    ((*LEAST, "--set", "artifact.from=hub"), "artifact"),
    ((*LEAST, "--set", "terminationGracePeriodSeconds=5"), "terminationGracePeriodSeconds"),
)

# Addresses, and the ports that the pods must be let out to for them.
REACHED: tuple[tuple[str, set[int]], ...] = (
    ("kafka.bootstrapServers=b:9096", {9096}),
    (r"kafka.bootstrapServers=b-1:9096\,[::1]:19093,registry.url=https://r.example.com", {9096, 19093, 443}),
    ("kafka.bootstrapServers=b:9092,registry.url=http://r.example.com/apis/ccompat/v7", {80}),
    (r"kafka.bootstrapServers=b:9092,registry.url=https://r-1:18081\,http://[::1]:18082/a", {18081, 18082}),
    ("kafka.bootstrapServers=b:9092,config=registry.url = 'http://r:8085'", {8085}),
)

# What stands beside secrets and is none: their names, and values that look like logins.
TAKEN = """
[kafka]
"sasl.username" = "shikyu"
sasl.oauthbearer.token.endpoint.url = "https://login.example.com/token"
[registry.options]
"basic.auth.credentials.source" = "USER_INFO"
[batching]
max_batch_tokens = 4096
[input]
text = ["map(&{n:a,m:@}, b)", "attributes[?key=='plan'].value | [0]"]
[rules.always_urgent]
password-reset = "contains(text, 'my token')"
"""
TAKEN_VARIABLES = [
    word
    for place, variable in enumerate(
        (
            "TOKENIZERS_PARALLELISM=false",
            "HF_HUB_DISABLE_IMPLICIT_TOKEN=1",
            "AWS_WEB_IDENTITY_TOKEN_FILE=/var/run/token",
            "SHIKYU_KAFKA_SASL_USERNAME=shikyu",
        )
    )
    for part, said in zip(("name", "value"), variable.split("="), strict=True)
    for word in ("--set-string", f"extraEnv[{place}].{part}={said}")
]


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


def refused_needlessly(helm: Path) -> list[str]:
    """What Helm says to settings that hold no secret; empty for nothing."""
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
        config.write(TAKEN)
        config.flush()
        try:
            template(helm, *LEAST, "--set-file", f"config={config.name}", *TAKEN_VARIABLES)
        except ValueError as refusal:
            return [str(refusal)]
    return []


def shut_out(helm: Path) -> list[str]:
    """Which of Kafka's and the registry's own addresses the NetworkPolicy keeps the pods from; empty for none."""
    found = []
    for values, ports in REACHED:
        policies = validation.objects(template(helm, "--set", values, "--show-only", "templates/networkpolicy.yaml"))
        open_to = {port["port"] for each in policies for rule in each["spec"]["egress"] for port in rule["ports"]}
        found += [f"{values}: no way out to port {port}" for port in sorted(ports - open_to)]
    return found


def kept_running(helm: Path) -> list[str]:
    """Where KEDA begins to scale a StatefulSet of five pods, whether Helm leaves it these."""
    keda = (*LEAST, "--set", "keda.enabled=true")
    with cluster.serving("support", "shikyu", replicas=5) as address:
        text = template(helm, *keda, "--dry-run=server", "--kube-apiserver", address)
    found = [] if "\n  replicas: 5\n" in text else ["an upgrade with keda.enabled takes the pods that run to one"]
    return found if "\n  replicas:" not in template(helm, *keda) else [*found, "a first install says how many pods"]


def of_the_page(helm: Path) -> list[str]:
    """What Helm has against the values that PAGES show; each block is installed over the least."""
    found = []
    shown = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
    blocks = [(page, block) for page in PAGES for block in shown.findall(page.read_text(encoding="utf-8"))]
    for page, block in blocks:
        if "apiVersion:" in block:
            continue
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as values:
            values.write(block)
            values.flush()
            try:
                template(helm, *LEAST, "--set", "kafka.partitions=12", "--values", values.name)
            except ValueError as refusal:
                found.append(f"{page.name}: {refusal} of\n{block}")
    return found


def _helm(helm: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command: Sequence[str] = [str(helm), *words]
    return subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, check=False)
