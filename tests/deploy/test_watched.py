"""Every query of every dashboard, run by a real Prometheus that watches real consumers: what it shows was counted."""

import math
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
import yaml

from consumer import load
from consumer.metrics import LATENCY
from consumer.version import version
from tests.deploy import scene as played
from tests.deploy.boards import queries
from tests.deploy.later import MAY_BE_EMPTY
from tests.deploy.prometheus import FILES
from tests.deploy.scene import HELD_BACK, ID, LEGAL, NO_TEXT, NOT_JSON, TOMBSTONES, Fate, Scene
from tests.service.process import TINY

pytestmark = pytest.mark.kafka

EXACTLY = 1e-6
ROUGHLY = 0.1  # of what a rule recorded at a moment of its own, a second before
Values = dict[tuple[str, ...], float]
Truth = tuple[str, Callable[[Scene], Values]]


@pytest.fixture(scope="module")
def scene(cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("watched")
    with played.played(cluster, folder, folder.name) as done:
        yield done


def counted(scene: Scene, label: Callable[[Fate], str | None], moment: str = "end") -> Values:
    """How often each label, as increase() says it; of records whose label is None nothing is said."""
    weights = {id(service): scene.weight(service, moment) for service in (scene.staying, scene.leaving)}
    found: Values = {}
    for fate in scene.fates:
        if (said := label(fate)) is not None:
            key = (said,) if said else ()
            found[key] = found.get(key, 0) + weights[id(fate.by)]
    return found


def outcome(fate: Fate) -> str:
    return fate.outcome


def code(fate: Fate) -> str | None:
    return fate.code or None


def reason_skipped(fate: Fate) -> str | None:
    return "tombstone" if fate.outcome == "skipped" else None


def decided(fate: Fate) -> str | None:
    return "" if fate.decided else None


def of_event(name: str) -> Callable[[Fate], str | None]:
    return lambda fate: fate.decided[name] if fate.decided else None


def marked(fate: Fate) -> str | None:
    """What was decided of a message that people are asked to check."""
    return fate.decided["decision"] if fate.decided and fate.decided["audit"] is not None else None


def number(label: Callable[[Fate], str | None]) -> Callable[[Scene], Values]:
    return lambda scene: counted(scene, label)


def each_s(label: Callable[[Fate], str | None]) -> Callable[[Scene], Values]:
    return lambda scene: {labels: value / scene.range_s("end") for labels, value in counted(scene, label).items()}


def share(*wanted: tuple[str, str], of: tuple[str, str] | None = None) -> Callable[[Scene], Values]:
    """Of the decisions, those of which each field begins as wanted."""

    def among(fate: Fate) -> str | None:
        return "" if fate.decided and (of is None or fate.decided[of[0]] == of[1]) else None

    def chosen(fate: Fate) -> str | None:
        is_among = fate.decided is not None and among(fate) == ""
        return "" if is_among and all(fate.decided[name].startswith(value) for name, value in wanted) else None

    return lambda scene: {(): counted(scene, chosen).get((), 0) / counted(scene, among)[()]}


def shares(name: str, begins: str = "") -> Callable[[Scene], Values]:
    def all_of(scene: Scene) -> Values:
        total = counted(scene, decided)[()]
        parts = counted(scene, of_event(name))
        return {labels: count / total for labels, count in parts.items() if labels[0].startswith(begins)}

    return all_of


def instances(scene: Scene, staying: float, leaving: float) -> Values:
    return {(f"127.0.0.1:{scene.staying.port}",): staying, (f"127.0.0.1:{scene.leaving.port}",): leaving}


def dropped(scene: Scene) -> float:
    return scene.logged(scene.staying, "window-dropped")


def rules_that_failed(scene: Scene) -> Values:
    """Each message of the mix that no rule before it made urgent: it has no channel."""
    failed = counted(
        scene,
        lambda fate: "loud" if fate.decided and fate.is_of_mix and "lawyer" not in fate.text else None,
        "mixed",
    )
    return {("legal",): 0, **failed}


def held_back(scene: Scene) -> Values:
    source = scene.topics["input"]
    return {("0", source): HELD_BACK, ("1", source): 0, ("2", source): 0}


def model(scene: Scene) -> Values:
    events = [fate.decided for fate in scene.fates if fate.decided]
    [(name, precision, label)] = {
        tuple(event["model"][part] for part in ("name", "precision", "version")) for event in events
    }
    return {(name, precision, label): 1}


def tokens(scene: Scene) -> tuple[float, float]:
    """Of the mix, and the texts that have them, as increase() says it."""
    fates = [fate for fate in scene.fates if fate.decided and fate.is_of_mix]
    lengths = [len(each.ids) for each in load(TINY).tokenize([fate.text for fate in fates])]
    weights = [scene.weight(fate.by, "mixed") for fate in fates]
    return sum(n * weight for n, weight in zip(lengths, weights, strict=True)), sum(weights)


# By board, panel and query: the moment to ask about, and what was counted by then.
TRUTHS: dict[tuple[str, str, str], Truth] = {
    # ShikyuRuleFails, which no time has to pass for.
    ("on-call", "Alerts", "A"): ("end", lambda _: {(): 1}),
    ("on-call", "Consumers", "A"): ("end", lambda _: {(): 1}),
    ("on-call", "Consumers", "B"): ("end", lambda _: {(): 2}),
    ("on-call", "Waiting", "A"): ("held back", lambda _: {(): HELD_BACK}),
    ("on-call", "Throughput", "A"): ("end", each_s(lambda _: "")),
    ("on-call", "Dead letters", "A"): ("end", number(lambda fate: "" if fate.code else None)),
    ("on-call", "Brokers", "A"): ("end", lambda _: {(): 1}),
    ("on-call", "Fates a second", "A"): ("end", each_s(outcome)),
    ("on-call", "Waiting, by partition", "A"): ("held back", held_back),
    ("on-call", "Dead letters by code", "A"): ("end", number(code)),
    ("on-call", "Skipped by reason", "A"): ("end", each_s(reason_skipped)),
    ("on-call", "Waits for a service", "A"): ("end", lambda scene: instances(scene, 0, 0)),
    ("on-call", "Starts", "A"): ("end", lambda scene: instances(scene, 0, 0)),
    ("on-call", "Tokens a second", "A"): ("mixed", lambda scene: {(): tokens(scene)[0] / scene.range_s("mixed")}),
    ("on-call", "Versions", "A"): ("end", lambda _: {(version(),): 1}),
    ("model", "Decided", "A"): ("end", number(decided)),
    ("model", "Urgent", "A"): ("end", share(("decision", "urgent"))),
    ("model", "Very unsatisfied", "A"): ("end", share(("satisfaction", "very_unsatisfied"))),
    ("model", "Unsure", "A"): ("end", share(("reason", "fallback:"))),
    ("model", "By your rules", "A"): ("end", share(("reason", "rule:"))),
    ("model", "Models", "A"): ("end", lambda _: {(): 1}),
    ("model", "Drifting", "A"): ("end", lambda _: {(): 0}),
    ("model", "Urgent share", "A"): ("end", share(("decision", "urgent"))),
    ("model", "Urgent share", "B"): ("end", share(("decision", "urgent"), of=("reason", "model"))),
    ("model", "Classes", "A"): ("end", shares("satisfaction")),
    ("model", "Who decided", "A"): ("end", each_s(of_event("reason"))),
    ("model", "Unsure share", "A"): ("end", shares("reason", "fallback:")),
    ("model", "Rules that could not be asked", "A"): ("mixed", rules_that_failed),
    ("model", "Processes by model", "A"): ("end", model),
    ("model", "Marked for people", "A"): ("end", number(lambda fate: marked(fate) and "")),
    ("model", "Marked for people, a second", "A"): ("end", each_s(marked)),
    ("model", "Tokens of a message", "A"): ("mixed", lambda scene: {(): tokens(scene)[0] / tokens(scene)[1]}),
}
# What only the consumer itself can tell: that it is a sensible number is all that can be said from outside.
BETWEEN: dict[tuple[str, str, str], tuple[str, float, float]] = {
    ("on-call", "Seconds a window, by stage", "A"): ("end", 0, 120),
    ("on-call", "Windows", "A"): ("end", 0, 60),
    ("on-call", "Windows", "B"): ("end", 0, 60),
    ("on-call", "The model's share of the time", "A"): ("end", 0, 1.1),
    ("on-call", "Records and texts at once", "A"): ("end", 1, 10_000),
    ("on-call", "Records and texts at once", "B"): ("end", 1, 256),
    ("on-call", "Tokens of a batch", "A"): ("end", 1, 100_000),
    ("on-call", "Padding", "A"): ("end", 0, 1),
    ("on-call", "Groups", "A"): ("end", 1, 1),
    ("on-call", "Cores", "A"): ("end", 0, 16),
    ("on-call", "Memory", "A"): ("end", 10e6, 10e9),
}
# Looked at by tests of their own below.
APART = {
    *(("on-call", "p99", "A"), ("on-call", "Latency", "A"), ("on-call", "Latency", "B")),
    *(("on-call", "Behind", "A"), ("on-call", "Behind, by partition", "A")),
    ("on-call", "Windows by how they ended", "A"),
    ("on-call", "Rebalances", "A"),
}
QUERIES = {(*query.place, query.expr): query for query in queries()}


def expr(*place: str) -> str:
    [found] = [query.expr for query in QUERIES.values() if query.place == place]
    return found


def of(scene: Scene, expr: str, moment: str) -> Values:
    """Values by the labels' values, in the order of the labels' names."""
    return {tuple(value for _, value in labels): told for labels, told in scene.value(expr, moment).items()}


def may_be_empty(query) -> bool:
    return any(name in query.expr for name in MAY_BE_EMPTY) and query.place not in TRUTHS


def test_the_stream_was_as_it_was_meant(scene):
    """Else what follows would say nothing: each fate occurs, and windows were dropped."""
    told = scene.verdict
    assert [told.lost, told.twice, told.foreign, told.disordered, told.altered, told.hanging] == [[]] * 5 + [{}]
    assert told.inputs == scene.records
    assert Counter(map(outcome, scene.fates))["skipped"] == TOMBSTONES
    assert Counter(map(code, scene.fates)) & Counter({"invalid-json": 99, "missing-text": 99}) == {
        "invalid-json": NOT_JSON,
        "missing-text": NO_TEXT,
    }
    assert {"urgent", "routine"} < set(map(outcome, scene.fates))
    assert Counter(fate.decided["reason"] for fate in scene.fates if fate.decided)["rule:legal"] == LEGAL
    assert any(map(marked, scene.fates))
    assert len({id(fate.by) for fate in scene.fates}) == 2
    assert dropped(scene) > 0


@pytest.mark.parametrize("query", QUERIES.values(), ids=str)
def test_a_panel_shows_what_was_counted(scene, query):
    """Each query of each panel, as Grafana sends it."""
    if query.place in APART:
        return
    if may_be_empty(query):
        assert all(map(math.isfinite, of(scene, query.expr, "end").values()))
        return
    if query.place in BETWEEN:
        moment, least, most = BETWEEN[query.place]
        told = of(scene, query.expr, moment)
        assert told
        assert all(least <= value <= most for value in told.values()), told
        return
    moment, truth = TRUTHS[query.place]
    told, counted = of(scene, query.expr, moment), truth(scene)

    assert set(counted) <= set(told)
    for labels, value in told.items():
        # What stands at 0 from the start and never happened is not among what was counted.
        assert value == pytest.approx(counted.get(labels, 0), rel=EXACTLY), labels


@pytest.mark.parametrize(("place", "quantile"), [("p99", 0.99), ("Latency", 0.5)])
def test_latency_is_what_a_reader_measures(scene, place, quantile):
    """Of the broker's timestamps, to the bucket: what was measured lies in the one that is told, or the next."""
    [told] = scene.value(expr("on-call", place, "A"), "end").values()
    measured = sorted(scene.latencies_s)[math.ceil(quantile * len(scene.latencies_s)) - 1]

    bounds = (0.0, *LATENCY)
    bucket = max(number for number, bound in enumerate(bounds) if bound < told)
    assert bounds[max(0, bucket - 1)] <= measured <= bounds[min(bucket + 2, len(bounds) - 1)]
    [p99] = scene.value(expr("on-call", "Latency", "B"), "end").values()
    assert p99 >= told


def test_behind_is_how_long_an_open_transaction_holds_messages_back(scene):
    """And nothing, once all is read: not even the transaction's marker."""
    waited = scene.at["held back"] - scene.held_back_since
    [behind] = scene.value(expr("on-call", "Behind", "A"), "held back").values()
    parts = of(scene, expr("on-call", "Behind, by partition", "A"), "held back")

    assert behind == pytest.approx(waited, abs=2.5)
    assert parts == {(str(n), scene.topics["input"]): behind if n == 0 else 0 for n in range(3)}
    assert scene.value(expr("on-call", "Behind", "A"), "end") == {(): 0}
    assert scene.value(expr("on-call", "Waiting", "A"), "end") == {(): 0}


def test_aborted_windows_are_those_of_the_log(scene):
    """Each has its line there; of those that were committed nobody else tells."""
    told = of(scene, expr("on-call", "Windows by how they ended", "A"), "end")

    aborted = dropped(scene) * scene.weight(scene.staying, "end")
    assert told["aborted",] * scene.range_s("end") == pytest.approx(aborted, rel=EXACTLY)
    assert told["committed",] * scene.range_s("end") >= 3


def test_rebalances_are_those_of_the_log(scene):
    """That the one that leaves gives its partitions up is not told any more: it is gone by the next scrape."""
    logged = scene.logged(scene.staying, "partitions-assigned", "partitions-revoked", "partitions-lost")
    told = of(scene, expr("on-call", "Rebalances", "A"), "end")

    # It does not begin at 0, so that increase() guesses at both ends of the range.
    assert logged > 0
    assert {labels: round(value) for labels, value in told.items()} == instances(scene, logged, 0)


def test_every_panel_is_looked_at():
    """A panel that is new has to say what its truth is."""
    places = {query.place for query in QUERIES.values()}
    known = {*TRUTHS, *BETWEEN, *APART, *(query.place for query in QUERIES.values() if may_be_empty(query))}

    assert places == known
    assert not {*TRUTHS} & {*BETWEEN} & APART


def test_what_the_rules_record_is_what_was_counted(scene):
    """As the alerts see it, with the very file."""
    for group in yaml.safe_load((FILES / "shikyu.rules.yml").read_text())["groups"]:
        for rule in group["rules"]:
            if "record" in rule:
                assert scene.prometheus.query(rule["record"], scene.at["end"]), rule["record"]
    asked = scene.prometheus.one

    assert asked("job:shikyu_lag_records:sum", scene.at["held back"]) == HELD_BACK
    assert asked("job:shikyu_urgent:ratio_rate1h", scene.at["end"]) == pytest.approx(
        share(("decision", "urgent"))(scene)[()], rel=ROUGHLY
    )
    assert asked("job:shikyu_dead_lettered:ratio_rate15m", scene.at["end"]) == pytest.approx(
        counted(scene, lambda fate: "" if fate.code else None)[()] / counted(scene, lambda _: "")[()], rel=ROUGHLY
    )
    assert set(scene.prometheus.query('ALERTS{alertstate="firing"}', scene.at["end"])) == {
        (
            ("alertname", "ShikyuRuleFails"),
            ("alertstate", "firing"),
            ("job", "shikyu"),
            ("rule", "loud"),
            ("severity", "ticket"),
        )
    }


def test_series_do_not_grow_with_the_messages(scene):
    """A thousand more made none, but for partitions that this consumer took over; and none has an id or a key."""
    ours = f'{{__name__=~"shikyu_.*", __name__!~"shikyu_lag_.*", instance="127.0.0.1:{scene.staying.port}"}}'
    count = f"count by (__name__) ({ours})"
    told = scene.prometheus.query(f'{{__name__=~"shikyu_.*", instance="127.0.0.1:{scene.staying.port}"}}')
    values = {value for labels in told for _, value in labels}

    assert scene.value(count, "mixed") == scene.value(count, "end") != {}
    assert not [value for value in values if ID in value or "key-" in value]
