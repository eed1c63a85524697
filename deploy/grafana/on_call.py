"""Is it well? What somebody looks at who was woken."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.panels import Query, Row, board, figure, graph

RATE = "$__rate_interval"
INSTANCE = "{{instance}}"


def quantile(of: str, share: float) -> str:
    return f"histogram_quantile({share}, sum by (le) (rate({of}_bucket{{JOB}}[{RATE}])))"


def mean(of: str) -> str:
    return f"sum(rate({of}_sum{{JOB}}[{RATE}])) / sum(rate({of}_count{{JOB}}[{RATE}]))"


def a_window(of: str, by: str) -> str:
    """The sum of it in a window: a stage has several durations in one, such as a batch's."""
    windows = f"sum(rate(shikyu_window_duration_seconds_count{{JOB}}[{RATE}]))"
    return f"sum by ({by}) (rate({of}_sum{{JOB}}[{RATE}])) / on () group_left () {windows}"


def now() -> Row:
    return (
        "Now",
        [
            [
                figure(
                    "Alerts",
                    "Of deploy/prometheus/shikyu.rules.yml, that fire.",
                    "short",
                    Query('count(ALERTS{alertname=~"Shikyu.*", alertstate="firing"}) or vector(0)'),
                    bad=1,
                    worse=2,
                ),
                figure(
                    "Consumers",
                    "Processes that answer Prometheus, of those that it knows.",
                    "short",
                    Query("sum(up{JOB})", "up"),
                    Query("count(up{JOB})", "of"),
                    bad=1,
                    worse=0.5,
                ),
                figure(
                    "Behind",
                    "How long the oldest message waits, of all partitions.",
                    "s",
                    Query("max(shikyu_lag_seconds{JOB})"),
                    bad=60,
                    worse=300,
                ),
                figure(
                    "Waiting",
                    "Records that are not yet committed.",
                    "short",
                    Query("sum(shikyu_lag_records{JOB})"),
                ),
                figure(
                    "Throughput",
                    "Records committed, a second.",
                    "short",
                    Query(f"sum(rate(shikyu_records_total{{JOB}}[{RATE}]))"),
                ),
                figure(
                    "p99",
                    "Of a hundred messages, one waits longer than this from its record to its answer.",
                    "s",
                    Query(quantile("shikyu_latency_seconds", 0.99)),
                    bad=10,
                    worse=60,
                ),
                figure(
                    "Dead letters",
                    "In the time that is shown.",
                    "short",
                    Query('sum(increase(shikyu_records_total{JOB, outcome="dead_lettered"}[$__range]))'),
                    bad=1,
                    worse=100,
                ),
                figure(
                    "Brokers",
                    "That the consumer which sees the fewest is connected to; 0 is a Kafka that is away.",
                    "short",
                    Query("min(shikyu_kafka_brokers_up{JOB})"),
                    bad=1,
                    worse=0.5,
                ),
            ]
        ],
    )


def stream() -> Row:
    return (
        "The stream",
        [
            [
                graph(
                    "Fates a second",
                    "What became of the records that were committed.",
                    "short",
                    Query(f"sum by (outcome) (rate(shikyu_records_total{{JOB}}[{RATE}]))", "{{outcome}}"),
                    stacked=True,
                ),
                graph(
                    "Latency",
                    "From a record's timestamp in Kafka to the commit of its answer.",
                    "s",
                    Query(quantile("shikyu_latency_seconds", 0.5), "p50"),
                    Query(quantile("shikyu_latency_seconds", 0.99), "p99"),
                ),
            ],
            [
                graph(
                    "Behind, by partition",
                    "How long the oldest message waits.",
                    "s",
                    Query("max by (topic, partition) (shikyu_lag_seconds{JOB})", "{{topic}}/{{partition}}"),
                ),
                graph(
                    "Waiting, by partition",
                    "Records that are not yet committed, those that an open transaction holds back too.",
                    "short",
                    Query("max by (topic, partition) (shikyu_lag_records{JOB})", "{{topic}}/{{partition}}"),
                    stacked=True,
                ),
            ],
        ],
    )


def trouble() -> Row:
    return (
        "What goes wrong",
        [
            [
                graph(
                    "Windows by how they ended",
                    "A second. An aborted one is read again.",
                    "short",
                    Query(f"sum by (outcome) (rate(shikyu_transactions_total{{JOB}}[{RATE}]))", "{{outcome}}"),
                ),
                graph(
                    "Dead letters by code",
                    "In each interval; docs/dead-letters.md says what each code means.",
                    "short",
                    Query(f"sum by (code) (increase(shikyu_dead_letters_total{{JOB}}[{RATE}])) > 0", "{{code}}"),
                    stacked=True,
                ),
                graph(
                    "Skipped by reason",
                    "A second: tombstones, what input.where says is no message, what a replay's window has not.",
                    "short",
                    Query(f"sum by (reason) (rate(shikyu_skipped_total{{JOB}}[{RATE}]))", "{{reason}}"),
                ),
            ],
            [
                graph(
                    "Rebalances",
                    "Changes of a consumer's partitions, in each interval.",
                    "short",
                    Query(f"sum by (instance) (increase(shikyu_rebalances_total{{JOB}}[{RATE}]))", INSTANCE),
                ),
                graph(
                    "Waits for a service",
                    "How often the registry was asked in vain, in each interval.",
                    "short",
                    Query(f"sum by (instance) (increase(shikyu_waits_total{{JOB}}[{RATE}]))", INSTANCE),
                ),
                graph(
                    "Starts",
                    "How often a process was started anew in the last half hour.",
                    "short",
                    Query("sum by (instance) (changes(process_start_time_seconds{JOB}[30m]))", INSTANCE),
                ),
            ],
        ],
    )


def time() -> Row:
    return (
        "Where the time goes",
        [
            [
                graph(
                    "Seconds a window, by stage",
                    "queue is the oldest record's wait in Kafka. On a GPU tokenization is within inference, mostly.",
                    "s",
                    Query(a_window("shikyu_stage_duration_seconds", "stage"), "{{stage}}"),
                ),
                graph(
                    "Windows",
                    "From receive to commit.",
                    "s",
                    Query(quantile("shikyu_window_duration_seconds", 0.5), "p50"),
                    Query(quantile("shikyu_window_duration_seconds", 0.99), "p99"),
                ),
                graph(
                    "The model's share of the time",
                    "1 is a process that does nothing else: more need another one, or another core.",
                    "percentunit",
                    Query(
                        "sum by (instance) "
                        f'(rate(shikyu_stage_duration_seconds_sum{{JOB, stage="inference"}}[{RATE}]))',
                        INSTANCE,
                    ),
                ),
            ],
            [
                graph(
                    "Tokens a second",
                    "That the model took, without padding.",
                    "short",
                    Query(f"sum(rate(shikyu_batch_tokens_sum{{JOB}}[{RATE}]))", "tokens"),
                ),
                graph(
                    "Records and texts at once",
                    "Means: records of a window, texts of a batch.",
                    "short",
                    Query(mean("shikyu_window_records"), "records of a window"),
                    Query(mean("shikyu_batch_size"), "texts of a batch"),
                ),
                graph(
                    "Tokens of a batch",
                    "Mean, without padding.",
                    "short",
                    Query(mean("shikyu_batch_tokens"), "tokens of a batch"),
                ),
                graph(
                    "Padding",
                    "What padding each batch to its longest text would waste.",
                    "percentunit",
                    Query(mean("shikyu_batch_padding_share"), "padding"),
                ),
            ],
        ],
    )


def processes() -> Row:
    return (
        "Processes",
        [
            [
                graph(
                    "Cores",
                    "In use.",
                    "short",
                    Query(f"rate(process_cpu_seconds_total{{JOB}}[{RATE}])", INSTANCE),
                ),
                graph("Memory", "Resident.", "bytes", Query("process_resident_memory_bytes{JOB}", INSTANCE)),
                graph(
                    "Versions",
                    "Processes by the program that they run.",
                    "short",
                    Query("count by (version) (shikyu_build_info{JOB})", "{{version}}"),
                    stacked=True,
                ),
                graph(
                    "Groups",
                    "Processes by their consumer group and Kafka cluster: more than one line is more than one stream.",
                    "short",
                    Query("count by (group_id, cluster_id) (shikyu_group_info{JOB})", "{{group_id}} on {{cluster_id}}"),
                    stacked=True,
                ),
            ]
        ],
    )


def dashboard() -> Dashboard:
    return board(
        "shikyu-on-call",
        "shikyu: is it well?",
        "What somebody looks at who was woken; docs/runbook.md says what to do.",
        "now-3h",
        [now(), stream(), trouble(), time(), processes()],
    )
