"""The chart as Helm rendered it (`make chart-check`), and what the consumer and Kafka would say to it."""

import json
import re
import tomllib
import urllib.error
import urllib.request

import pytest
import yaml
from prometheus_client import CollectorRegistry

from consumer import librdkafka
from consumer.health import Health, serve
from consumer.names import LEAVES, option_variable
from consumer.redaction import NO_SECRET, SECRET_NAME, redact
from consumer.settings import Http
from consumer.settings_sources import resolve
from consumer.slot import ordinal_of_pod
from consumer.stop import LEAVE_S
from deploy.helm import validation
from deploy.helm.sources import CHART, EVERYTHING, MADE_OF, RENDERED, state
from local.ports import free_port
from tests.deploy.prometheus import FILES
from tests.service.process import ROOT

TEXT = RENDERED.read_text(encoding="utf-8")
OBJECTS = validation.objects(TEXT)
VALUES = yaml.safe_load(EVERYTHING.read_text(encoding="utf-8"))
DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))


def one(kind: str, name: str = "shikyu") -> dict:
    """The one of that name; of a kind that there is once, whatever it is called."""
    found = [each for each in OBJECTS if each["kind"] == kind]
    [found] = found if len(found) == 1 else [each for each in found if each["metadata"]["name"] == name]
    return found


PODS = {kind: one(kind)["spec"]["template"]["spec"] for kind in ("StatefulSet", "Job")}
[CONSUMER] = PODS["StatefulSet"]["containers"]


def variables(container: dict) -> dict[str, str]:
    """As a pod would have them; what comes from a Secret or the pod itself is made up."""
    return {each["name"]: each.get("value", "3") for each in container["env"]}


def test_the_rendering_is_of_the_chart_as_it_is():
    """`make chart-check` makes it anew; it needs Go, so that no other test does."""
    assert TEXT.startswith(f"{MADE_OF}{state()}.\n"), "the chart has changed: run `make chart-check` and commit it"


def test_kubernetes_takes_each_object():
    """By its own schemas, of the oldest version that the chart takes and of the newest; unknown fields are refused."""
    assert list(validation.problems(TEXT)) == []
    broken = TEXT.replace("terminationGracePeriodSeconds", "terminationGracePeriod")
    assert any("terminationGracePeriod" in problem for problem in validation.problems(broken))


@pytest.mark.parametrize("name", ["shikyu", "topics", "schemas"])
def test_settings_are_settings(name, tmp_path):
    """The mounted file and every variable are known to the consumer, with values that it takes."""
    containers = {each["name"]: each for each in (*PODS["StatefulSet"]["initContainers"], CONSUMER)}
    file = tmp_path / "shikyu.toml"
    file.write_text(one("ConfigMap")["data"]["shikyu.toml"])
    given = variables(containers[name])
    assert given.pop("SHIKYU_CONFIG") == "/etc/shikyu/shikyu.toml"

    settings = resolve(file, given, {})

    assert list(settings.input.topics) == VALUES["kafka"]["topics"]
    assert settings.kafka.options["bootstrap.servers"] == VALUES["kafka"]["bootstrapServers"]
    assert settings.kafka.options["ssl.ca.location"].startswith("/etc/shikyu/ca/")
    assert settings.registry.options["basic.auth.user.info"] == "3"
    assert settings.http == Http(host="0.0.0.0", port=9464)


def test_the_volume_has_room_for_every_version_that_is_kept():
    """Of a limit in the same unit; what an init container lays down meanwhile is one artifact."""
    limits = {
        each["name"]: each["emptyDir"]["sizeLimit"] for each in PODS["StatefulSet"]["volumes"] if "emptyDir" in each
    }

    assert (DEFAULTS["artifact"]["sizeLimit"], VALUES["artifact"]["versions"]) == ("2Gi", 4)
    assert (limits["artifact"], limits["tmp"]) == ("8Gi", "2Gi")


def test_options_of_kafka_become_the_variables_that_set_them():
    """Whatever stands in kafka.options."""
    assert {option_variable("SHIKYU_KAFKA_", name) for name in VALUES["kafka"]["options"]} <= set(variables(CONSUMER))


def test_the_chart_knows_secrets_by_the_services_own_patterns():
    """And by nothing that Go's expressions lack; `make chart-check` shows Helm's refusals."""
    known = yaml.safe_load((CHART / "files" / "secret-names.yaml").read_text(encoding="utf-8"))

    assert known["secret"] == f"(?i){SECRET_NAME.pattern}"
    assert known["open"] == f"(?i){NO_SECRET.pattern}"
    assert not any(re.search(r"\(\?[=!<]", pattern) for pattern in known.values())
    # Of what can stand in the file, all that the service would not show.
    for option in librdkafka.properties():
        assert refused(known, f"kafka.{option}", "x") == (redact(f"kafka.options.{option}", "x") != "x"), option
    for leaf in LEAVES:
        assert refused(known, leaf.path, "x") == (redact(leaf.path, "x") != "x"), leaf.path
    for url in ("https://a:b@registry", "https://registry?a=b&api.key=c", "https://registry/path"):
        assert refused(known, "registry.url", url) == (redact("registry.url", url) != url), url


def refused(known: dict[str, str], path: str, value: str) -> bool:
    """As templates/_secrets.tpl does."""
    named = re.search(known["secret"], path) and not re.search(known["open"], path)
    return bool(named or re.search(known["address"], value))


def test_probes_ask_what_the_consumer_serves():
    """On the port that it is told, and /livez at once: before a model is loaded."""
    [port] = CONSUMER["ports"]
    assert port["containerPort"] == int(variables(CONSUMER)["SHIKYU_HTTP_PORT"])
    probes = {name: each["httpGet"] for name, each in CONSUMER.items() if name.endswith("Probe")}
    assert {each["port"] for each in probes.values()} == {port["name"]}

    http = Http(host="127.0.0.1", port=free_port())
    with serve(http, Health(60), CollectorRegistry()):
        told = {name: status(http.port, each["path"]) for name, each in probes.items()}

    assert told == {"startupProbe": 200, "livenessProbe": 200, "readinessProbe": 503}
    assert probes["readinessProbe"]["path"] == "/readyz"


def status(port: int, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as answer:
        return answer.code


def test_a_pods_ordinal_is_its_slot():
    """And the pod has the time to leave in order."""
    [name] = [each for each in CONSUMER["env"] if each["name"] == "POD_NAME"]
    assert name["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    pod = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "POD_NAME": f"{one('StatefulSet')['metadata']['name']}-3"}

    assert ordinal_of_pod(pod, "a-host") == "3"
    assert PODS["StatefulSet"]["terminationGracePeriodSeconds"] > LEAVE_S
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    assert schema["properties"]["terminationGracePeriodSeconds"]["minimum"] > LEAVE_S
    assert one("StatefulSet")["spec"]["serviceName"] == one("Service")["metadata"]["name"]


def test_threads_are_the_cores_of_the_limit():
    """Else the model takes one for each core of the node, and is throttled."""
    [threads] = [each for each in CONSUMER["env"] if each["name"] == "SHIKYU_MODEL_THREADS"]
    assert threads["valueFrom"]["resourceFieldRef"]["resource"] == "limits.cpu"
    assert float(CONSUMER["resources"]["limits"]["cpu"]).is_integer()


@pytest.mark.parametrize("kind", PODS)
def test_pods_may_do_as_little_as_possible(kind):
    """By the pod's and by each container's security context."""
    pod = PODS[kind]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    for container in (*pod.get("initContainers", ()), *pod["containers"]):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "/tmp" in {mount["mountPath"] for mount in container["volumeMounts"]}
        assert container["securityContext"]["readOnlyRootFilesystem"]


def test_only_who_fills_the_artifact_may_write_to_it():
    """The consumer reads what it verified."""
    mounts = {
        container["name"]: mount.get("readOnly", False)
        for container in (*PODS["StatefulSet"]["initContainers"], CONSUMER)
        for mount in container["volumeMounts"]
        if mount["name"] == "artifact"
    }
    assert mounts == {"artifact": False, "shikyu": True}


def test_keda_scales_as_far_as_there_are_partitions():
    """From as many as there were before; not woken by transactions' markers, and nobody else says how many."""
    spec, partitions = one("ScaledObject")["spec"], VALUES["kafka"]["partitions"]
    assert spec["scaleTargetRef"] == {"kind": "StatefulSet", "name": one("StatefulSet")["metadata"]["name"]}
    assert spec["minReplicaCount"] == DEFAULTS["replicas"] <= spec["maxReplicaCount"] <= partitions
    assert "replicas" not in one("StatefulSet")["spec"]

    given = variables(CONSUMER)
    assert [each["metadata"]["topic"] for each in spec["triggers"]] == VALUES["kafka"]["topics"]
    for trigger in spec["triggers"]:
        told = trigger["metadata"]
        assert trigger["type"] == "kafka"
        assert all(isinstance(value, str) for value in told.values())
        assert int(told["activationLagThreshold"]) >= partitions
        assert int(told["lagThreshold"]) > 0
        assert told["limitToPartitionsWithLag"] == "true"
        assert told["consumerGroup"] == given["SHIKYU_DELIVERY_GROUP_ID"]
        assert told["bootstrapServers"] == given["SHIKYU_KAFKA_BOOTSTRAP_SERVERS"]


def test_prometheus_finds_the_pods_under_a_name_that_the_rules_look_for():
    """Every rule asks for jobs with shikyu in their name."""
    monitor, service = one("ServiceMonitor")["spec"], one("Service")
    [endpoint] = monitor["endpoints"]

    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert endpoint["port"] in {each["name"] for each in service["spec"]["ports"]}
    assert endpoint["path"] == "/metrics"
    assert "shikyu" in service["metadata"]["labels"][monitor["jobLabel"]]
    labels = one("StatefulSet")["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()


def test_the_alerts_are_those_of_prometheus():
    """The very rules that are tested with promtool."""
    tested = (FILES / "shikyu.rules.yml").read_text(encoding="utf-8")
    base = VALUES["prometheusRule"]["runbookBase"]
    told = tested.replace("runbook_url: docs/", f"runbook_url: {base}")

    assert told.count(f"{base}runbook.md#shikyu") == tested.count("alert:") > 0
    assert one("PrometheusRule")["spec"] == yaml.safe_load(told)


@pytest.mark.parametrize("kind", ["PodDisruptionBudget", "NetworkPolicy"])
def test_what_selects_pods_selects_the_consumers(kind):
    """And neither the training's."""
    spec = one(kind)["spec"]
    selected = (spec.get("selector") or spec["podSelector"])["matchLabels"].items()

    assert selected <= labels("StatefulSet")
    assert not selected <= labels("Job")


def labels(kind: str):
    return one(kind)["spec"]["template"]["metadata"]["labels"].items()


def test_trainings_network_is_closed_but_for_names_and_the_hub():
    """By a policy of its own, which selects its pods alone; nobody asks it for anything."""
    spec = one("NetworkPolicy", "shikyu-train")["spec"]

    assert spec["podSelector"]["matchLabels"].items() <= labels("Job")
    assert not spec["podSelector"]["matchLabels"].items() <= labels("StatefulSet")
    assert (spec["policyTypes"], spec["ingress"]) == (["Ingress", "Egress"], [])
    assert [each["port"] for rule in spec["egress"] for each in rule["ports"]] == [53, 53, 443]


def test_the_network_is_closed_but_for_metrics_names_kafka_and_the_registry():
    """On the ports of their addresses too, and what was asked for."""
    spec = one("NetworkPolicy")["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    # Pods of the release's own namespace: no selector of namespaces widens it.
    assert spec["ingress"] == [{"from": [{"podSelector": {}}], "ports": [{"protocol": "TCP", "port": "http"}]}]
    names, services, hub = [[each["port"] for each in rule["ports"]] for rule in spec["egress"]]
    assert (set(names), set(services), hub) == ({53}, {9092, 9093, 8081, 9096, 443}, [443])
    assert len(services) == 5, "each once"


def test_the_chart_is_of_this_version():
    """Its images are tagged so."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))

    assert chart["appVersion"] == project
    assert re.search(r"^ARG VERSION=(.*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[1] == project
