"""What Grafana is given, looked at without a Grafana, which no package brings here."""

import re

import pytest
import yaml

from consumer.metrics import Metrics
from tests.deploy.boards import FOLDER, boards, queries
from tests.deploy.later import LATER

units = pytest.importorskip("grafana_foundation_sdk.models.units")
# deploy/grafana/panels.py says why it is this one.
pytestmark = pytest.mark.filterwarnings("ignore:Prefer using dashboardv2:DeprecationWarning")
PROVISIONING = FOLDER.parent / "provisioning"
BOARDS = pytest.mark.parametrize("board", boards().values(), ids=boards())
METRIC = re.compile(r"\b((?:shikyu|process)_[a-z_]+?)(?:_bucket|_sum|_count)?\b(?=\{)")
# Of every scrape and of prometheus-client's ProcessCollector.
PROCESS = {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_start_time_seconds"}


def panels(board: dict, kind: str | None = None) -> list[dict]:
    return [panel for panel in board["panels"] if kind in (None, panel["type"])]


@pytest.mark.parametrize("name", boards())
def test_what_is_committed_is_what_the_source_makes(name):
    """When this fails: python -m deploy.grafana"""
    from deploy.grafana.__main__ import DASHBOARDS, written

    assert set(boards()) == set(DASHBOARDS)
    assert (FOLDER / name).read_text(encoding="utf-8") == written(name)


@BOARDS
def test_grafanas_own_schema_knows_every_field(board):
    """Read back into the types that are generated of it, and written again, nothing is lost."""
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.plugins import register_default_plugins
    from grafana_foundation_sdk.models.dashboard import Dashboard

    register_default_plugins()

    assert JSONEncoder(sort_keys=True).encode(Dashboard.from_json(board)) == JSONEncoder(sort_keys=True).encode(board)


@BOARDS
def test_panels_lie_side_by_side(board):
    """On a grid of 24, each line filled and nothing on top of another; ids and titles are given once."""
    taken: set[tuple[int, int]] = set()
    for panel in panels(board):
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not taken & cells, panel["title"]
        taken |= cells

    height = max(y for _, y in taken) + 1
    assert taken == {(x, y) for x in range(24) for y in range(height)}
    assert len({panel["id"] for panel in panels(board)}) == len(panels(board))
    assert len({panel["title"] for panel in panels(board)}) == len(panels(board))


@BOARDS
def test_every_panel_says_what_it_shows(board):
    """In words, and in a unit that Grafana has."""
    known = {value for name, value in vars(units).items() if isinstance(value, str) and not name.startswith("_")}

    for panel in panels(board):
        if panel["type"] != "row":
            assert len(panel["description"]) > 5, panel["title"]
            assert panel["fieldConfig"]["defaults"]["unit"] in known, panel["title"]
            assert panel["targets"], panel["title"]
            assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


@BOARDS
def test_every_query_asks_the_chosen_prometheus_about_the_chosen_jobs(board):
    """And uses no variable that Grafana would leave as it is."""
    variables = {each["name"] for each in board["templating"]["list"]} | {"__rate_interval", "__range"}

    for panel in panels(board):
        for target in panel.get("targets", []):
            assert target["datasource"] == panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert set(re.findall(r"\$(\w+)", target["expr"])) <= variables, target["expr"]
            selectors = re.findall(r"(\w+)\{([^}]*)\}", target["expr"])
            assert selectors, target["expr"]
            # An alert that nothing is there has no job.
            assert all(chosen.startswith('job=~"$job"') for name, chosen in selectors if name != "ALERTS")


def test_every_metric_that_is_asked_for_exists():
    """Or is known to come with another change."""
    asked = {name for query in queries() for name in METRIC.findall(query.expr)}

    assert asked <= {*Metrics().names(), *PROCESS, *LATER}


def test_every_metric_of_ours_is_shown_somewhere():
    """One that nobody looks at need not be kept."""
    asked = {name for query in queries() for name in METRIC.findall(query.expr)}

    assert set(Metrics().names()) - asked == set()


def test_provisioning_leads_to_the_dashboards_and_to_prometheus():
    """Their names are those that docker-compose mounts and starts."""
    [provider] = yaml.safe_load((PROVISIONING / "dashboards" / "shikyu.yml").read_text())["providers"]
    [source] = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yml").read_text())["datasources"]
    prometheus = yaml.safe_load((FOLDER.parents[1] / "prometheus" / "prometheus.yml").read_text())

    assert provider["options"]["path"] == "/var/lib/grafana/dashboards/shikyu"
    assert (source["type"], source["url"]) == ("prometheus", "http://prometheus:9090")
    assert source["jsonData"]["timeInterval"] == prometheus["global"]["scrape_interval"]
