"""What Prometheus is told. Every name stands in docs/operations.md; no label ever holds an id or a text."""

import time
from collections import Counter as Counts
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from consumer.dead_letters import REASONS
from consumer.decide import BY_MODEL, EMPTY_TEXT, UNKNOWN_TOKENS
from consumer.drift.compare import Drift
from consumer.records import Decision, ModelVersion, Satisfaction, SkipReason

STAGES = ("queue", "decode", "tokenization", "inference", "encode", "publish")
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0)
LATENCY = (*SECONDS, 120.0, 300.0, 900.0, 3600.0)  # a backlog is older than any window
RECORDS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)
BATCH = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
TOKENS = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768)
SHARE = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0)


class Metrics:
    """One process's metrics, on a registry of its own."""

    def __init__(self) -> None:
        # They would put a second series beside each one, and no dashboard reads it.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._names: dict[str, tuple[str, tuple[str, ...]]] = {}
        ProcessCollector(registry=self.registry)
        self._stage = self._histogram("stage_duration_seconds", "Time in one stage of a window.", SECONDS, ("stage",))
        self._window_s = self._histogram("window_duration_seconds", "From receive to commit.", SECONDS)
        self._latency = self._histogram("latency_seconds", "From a record's timestamp to its commit.", LATENCY)
        self._window_records = self._histogram("window_records", "Records of a committed window.", RECORDS)
        self._batch_size = self._histogram("batch_size", "Texts that the model took at once.", BATCH)
        self._batch_tokens = self._histogram("batch_tokens", "Their tokens, without padding.", TOKENS)
        self._padding = self._histogram("batch_padding_share", "Share of padding if padded to the longest.", SHARE)
        self._records = self._counter("records", "Input records committed, by fate.", ("outcome",))
        self._decisions = self._counter(
            "decisions", "Decisions committed; reason is model, rule:NAME or fallback:WHY.",
            ("decision", "satisfaction", "reason"),
        )  # fmt: skip
        self._audit = self._counter("audit", "Decisions committed that were marked for people to check.", ("decision",))
        self._dead = self._counter("dead_letters", "Dead letters committed, by error code.", ("code",))
        self._skipped = self._counter("skipped", "Records committed without an answer, by reason.", ("reason",))
        self._rule_failures = self._counter("rule_failures", "Events that a rule could not be asked about.", ("rule",))
        self._transactions = self._counter("transactions", "Windows, by how they ended.", ("outcome",))
        self._rebalances = self._counter("rebalances", "Changes of this consumer's assignment.")
        self._waits = self._counter("waits", "Windows that a service was away for, each time it was asked in vain.")
        self._brokers = self._gauge("kafka_brokers_up", "Brokers that it has a connection to.", ("client",))
        self._lag_records = self._gauge("lag_records", "Records not yet committed.", ("topic", "partition"))
        self._lag_s = self._gauge("lag_seconds", "Age of the oldest of them.", ("topic", "partition"))
        self._drift_distance = self._gauge("drift_distance", "From the reference, 0 to 1.", ("feature",))
        self._drift_limit = self._gauge("drift_limit", "What chance alone hardly exceeds.", ("feature",))
        self._drift_alarm = self._gauge("drift_alarm", "1 while the distance is beyond the limit.", ("feature",))
        self._model = self._gauge("model_info", "The model that answers.", ("name", "version", "precision"))
        self._swaps = self._counter("model_swaps", "Other versions, by what became of them.", ("outcome",))
        self._refused = self._gauge("model_refused", "1 while an older version answers than `current` names.")
        self._flip_share = self._gauge("canary_flip_share", "Of the last other version's canary decisions.")
        self._shadow = self._gauge("shadow_info", "The second model.", ("name", "version", "precision"))
        self._shadowed = self._counter("shadow_records", "What the second model was asked, by fate.", ("outcome",))
        self._compared = self._counter("shadow_decisions", "Both models' decisions.", ("live", "shadow"))
        self._group = self._gauge("group_info", "Its consumer group, and the Kafka.", ("group_id", "cluster_id"))
        self._build = self._gauge("build_info", "This program.", ("version",))
        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        """A series that begins with its first event hides it: Prometheus's rate() and increase() see no step."""
        for outcome in ("committed", "aborted"):
            self._transactions.labels(outcome)
        for outcome in ("urgent", "routine", "dead_lettered", "skipped"):
            self._records.labels(outcome)
        for decision in ("urgent", "routine"):
            self._audit.labels(decision)
            for satisfaction in Satisfaction:
                for reason in (BY_MODEL, EMPTY_TEXT, UNKNOWN_TOKENS):
                    self._decisions.labels(decision, satisfaction, reason)
        for cause in REASONS:
            self._dead.labels(cause.code)
        for skipped in SkipReason:
            self._skipped.labels(skipped)
        for stage in STAGES:
            self._stage.labels(stage)
        for outcome in ("swapped", "refused"):
            self._swaps.labels(outcome)
        for outcome in ("answered", "failed", "dropped"):
            self._shadowed.labels(outcome)
        for live in ("urgent", "routine"):
            for shadow in ("urgent", "routine"):
                self._compared.labels(live, shadow)

    def rules(self, names: Iterable[str]) -> None:
        """These rules may decide, or fail."""
        for name in names:
            self._rule_failures.labels(name)
            for satisfaction in Satisfaction:
                self._decisions.labels("urgent", satisfaction, f"rule:{name}")

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        """Observes how long a stage (queue, decode, tokenization, inference, encode, publish) took, if it ends well."""
        started = time.perf_counter()
        yield
        self._stage.labels(stage).observe(time.perf_counter() - started)

    def stage(self, stage: str, seconds: float) -> None:
        """As `time`, of a duration that is already known."""
        self._stage.labels(stage).observe(seconds)

    def batch(self, lengths: Sequence[int]) -> None:
        """A batch went through the model: `lengths` are its texts' tokens."""
        padded = len(lengths) * max(lengths, default=0)
        self._batch_size.observe(len(lengths))
        self._batch_tokens.observe(sum(lengths))
        if padded:
            self._padding.observe(1 - sum(lengths) / padded)

    def window(self, records: int, duration_s: float) -> None:
        """A window was committed."""
        self._transactions.labels("committed").inc()
        self._window_records.observe(records)
        self._window_s.observe(duration_s)

    def answered(self, latency_s: float) -> None:
        """A record was committed, so long after it was written."""
        self._latency.observe(latency_s)

    def aborted(self) -> None:
        """A window was dropped, to be read again."""
        self._transactions.labels("aborted").inc()

    def waited(self) -> None:
        """A service is away, and a window waits for it."""
        self._waits.inc()

    def decided(self, decisions: Iterable[Decision]) -> None:
        """A window's. What is alike is counted first: finding a label's series takes longer than all else here."""
        alike = Counts((each.decision, each.satisfaction, each.reason, each.audit is not None) for each in decisions)
        for (decision, satisfaction, reason, is_marked), count in alike.items():
            self._records.labels(decision).inc(count)
            self._decisions.labels(decision, satisfaction, reason).inc(count)
            if is_marked:
                self._audit.labels(decision).inc(count)

    def dead_lettered(self, code: str) -> None:
        self._records.labels("dead_lettered").inc()
        self._dead.labels(code).inc()

    def skipped(self, reason: SkipReason) -> None:
        self._records.labels("skipped").inc()
        self._skipped.labels(reason).inc()

    def rule_failed(self, rule: str) -> None:
        self._rule_failures.labels(rule).inc()

    def rebalanced(self, times: int = 1) -> None:
        self._rebalances.inc(times)

    def brokers_up(self, ask: Callable[[], float]) -> None:
        """`ask` is asked when somebody looks: a loop that stands still tells of no change."""
        # With a label, for what was not told yet shall not look like none.
        self._brokers.labels("consumer").set_function(ask)

    def lag(self, topic: str, partition: int, records: int, seconds: float) -> None:
        self._lag_records.labels(topic, str(partition)).set(records)
        self._lag_s.labels(topic, str(partition)).set(seconds)

    def keep_lag_of(self, assigned: Collection[tuple[str, int]]) -> None:
        """Forgets the lag of partitions that are another consumer's now, or two would tell of them."""
        ours = {(topic, str(partition)) for topic, partition in assigned}
        for gauge in (self._lag_records, self._lag_s):
            for metric in gauge.collect():
                for sample in metric.samples:
                    labels = (sample.labels["topic"], sample.labels["partition"])
                    if labels not in ours:
                        gauge.remove(*labels)

    def drift(self, drift: Drift) -> None:
        """A window was held against the artifact's reference."""
        for look in drift.looks:
            self._drift_distance.labels(look.feature).set(look.distance)
            self._drift_limit.labels(look.feature).set(look.limit)
            self._drift_alarm.labels(look.feature).set(look.drifted)

    def model(self, model: ModelVersion) -> None:
        """This one answers from now on, and no other."""
        for told in (self._model, self._drift_distance, self._drift_limit, self._drift_alarm):
            told.clear()  # what was held against another's reference is not told of this one
        self._model.labels(model.name, model.version, model.precision).set(1)

    def swap(self, outcome: str) -> None:
        """Another version took the model's place (swapped), or was not let to (refused)."""
        self._swaps.labels(outcome).inc()

    def canary(self, flip_share: float) -> None:
        self._flip_share.set(flip_share)

    def refused(self, is_refused: bool) -> None:
        """Whether the version that `current` names is not the one that answers, because it was refused."""
        self._refused.set(is_refused)

    def shadow_model(self, model: ModelVersion) -> None:
        self._shadow.labels(model.name, model.version, model.precision).set(1)

    def shadowed(self, outcome: str) -> None:
        """The second model answered a record and Kafka took it, one of them failed, or it was not asked at all."""
        self._shadowed.labels(outcome).inc()

    def compared(self, live: Decision, shadow: Decision) -> None:
        self._compared.labels(live.decision, shadow.decision).inc()

    def group(self, group_id: str, cluster_id: str) -> None:
        """So that who reads these can tell them from another stream's."""
        self._group.labels(group_id, cluster_id).set(1)

    def build(self, version: str) -> None:
        self._build.labels(version).set(1)

    def names(self) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Every metric of ours, as it is scraped, with its kind and its labels."""
        return dict(self._names)

    def _histogram(self, name: str, text: str, buckets: Sequence[float], labels: Sequence[str] = ()) -> Histogram:
        self._names[f"shikyu_{name}"] = ("histogram", tuple(labels))
        return Histogram(f"shikyu_{name}", text, labels, buckets=buckets, registry=self.registry)

    def _counter(self, name: str, text: str, labels: Sequence[str] = ()) -> Counter:
        self._names[f"shikyu_{name}_total"] = ("counter", tuple(labels))
        return Counter(f"shikyu_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
        self._names[f"shikyu_{name}"] = ("gauge", tuple(labels))
        return Gauge(f"shikyu_{name}", text, labels, registry=self.registry)
