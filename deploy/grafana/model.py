"""What does the model say, and is it still right for what comes? What its owner looks at."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.panels import Query, Row, board, figure, graph

RATE, RANGE = "$__rate_interval", "$__range"


def share(part: str, within: str, by: str = "") -> str:
    """Of the decisions: those of which `part` holds; by a label, each of its values."""
    all_of_them = f"sum(rate(shikyu_decisions_total{{JOB}}[{within}]))"
    chosen = f"shikyu_decisions_total{{JOB, {part}}}" if part else "shikyu_decisions_total{JOB}"
    if by:
        return f"sum by ({by}) (rate({chosen}[{within}])) / on () group_left () {all_of_them}"
    return f"sum(rate({chosen}[{within}])) / {all_of_them}"


URGENT, UNSURE, BY_RULE = 'decision="urgent"', 'reason=~"fallback:.*"', 'reason=~"rule:.*"'


def in_short() -> Row:
    return (
        "In the time that is shown",
        [
            [
                figure(
                    "Decided",
                    "Messages that were answered.",
                    "short",
                    Query(f"sum(increase(shikyu_decisions_total{{JOB}}[{RANGE}]))"),
                ),
                figure(
                    "Urgent",
                    "Of them; training's report says what share to expect.",
                    "percentunit",
                    Query(share(URGENT, RANGE)),
                ),
                figure(
                    "Very unsatisfied",
                    "Of them, by the likeliest class.",
                    "percentunit",
                    Query(share('satisfaction="very_unsatisfied"', RANGE)),
                ),
                figure(
                    "Unsure",
                    "Empty, or of tokens that the model does not know: model.when_unsure decided.",
                    "percentunit",
                    Query(share(UNSURE, RANGE)),
                    bad=0.01,
                    worse=0.05,
                ),
                figure(
                    "By your rules",
                    "That rules.always_urgent made urgent, whatever the model says.",
                    "percentunit",
                    Query(share(BY_RULE, RANGE)),
                ),
                figure(
                    "Models",
                    "That answer beside each other: more than one is a rollout.",
                    "short",
                    Query("count(count by (name, version, precision) (shikyu_model_info{JOB}))"),
                    bad=2,
                    worse=3,
                ),
                figure(
                    "Marked for people",
                    "Messages whose answer somebody is asked to check.",
                    "short",
                    Query(f"sum(increase(shikyu_audit_total{{JOB}}[{RANGE}]))"),
                ),
                figure(
                    "Drifting",
                    "Features whose alarm is up.",
                    "short",
                    Query("count(max by (feature) (shikyu_drift_alarm{JOB}) == 1) or vector(0)"),
                    bad=1,
                    worse=2,
                ),
            ]
        ],
    )


def decisions() -> Row:
    return (
        "Decisions",
        [
            [
                graph(
                    "Urgent share",
                    "Of all decisions, and of the model's own.",
                    "percentunit",
                    Query(share(URGENT, RATE), "urgent"),
                    Query(
                        f'sum(rate(shikyu_decisions_total{{JOB, {URGENT}, reason="model"}}[{RATE}])) / '
                        f'sum(rate(shikyu_decisions_total{{JOB, reason="model"}}[{RATE}]))',
                        "urgent, by the model",
                    ),
                ),
                graph(
                    "Classes",
                    "Each class's share of the answers.",
                    "percentunit",
                    Query(share("", RATE, by="satisfaction"), "{{satisfaction}}"),
                    stacked=True,
                ),
            ],
            [
                graph(
                    "Who decided",
                    "A second: the model, a rule, or the fallback for what it cannot judge.",
                    "short",
                    Query(f"sum by (reason) (rate(shikyu_decisions_total{{JOB}}[{RATE}]))", "{{reason}}"),
                    stacked=True,
                ),
                graph(
                    "Unsure share",
                    "By why.",
                    "percentunit",
                    Query(share(UNSURE, RATE, by="reason"), "{{reason}}"),
                ),
                graph(
                    "Rules that could not be asked",
                    "In each interval; they did not hold.",
                    "short",
                    Query(f"sum by (rule) (increase(shikyu_rule_failures_total{{JOB}}[{RATE}]))", "{{rule}}"),
                ),
            ],
        ],
    )


def still_right() -> Row:
    return (
        "Is it still the model for this?",
        [
            [
                graph(
                    "Processes by model",
                    "Which model each answers with.",
                    "short",
                    Query(
                        "count by (name, version, precision) (shikyu_model_info{JOB})",
                        "{{name}} {{version}} {{precision}}",
                    ),
                    stacked=True,
                ),
                graph(
                    "Drift",
                    "How far messages are from those of the calibration, and what chance alone hardly exceeds.",
                    "short",
                    Query("max by (feature) (shikyu_drift_distance{JOB})", "{{feature}}"),
                    Query("max by (feature) (shikyu_drift_limit{JOB})", "{{feature}}, limit"),
                ),
                graph(
                    "Drift alarms",
                    "1 while a feature's alarm is up.",
                    "short",
                    Query("max by (feature) (shikyu_drift_alarm{JOB})", "{{feature}}"),
                ),
            ],
            [
                graph(
                    "Tokens of a message",
                    "Mean of what the model took: longer or shorter ones come of another source.",
                    "short",
                    Query(
                        f"sum(rate(shikyu_batch_tokens_sum{{JOB}}[{RATE}])) / "
                        f"sum(rate(shikyu_batch_size_sum{{JOB}}[{RATE}]))",
                        "tokens",
                    ),
                ),
                graph(
                    "Marked for people, a second",
                    "By what was decided.",
                    "short",
                    Query(f"sum by (decision) (rate(shikyu_audit_total{{JOB}}[{RATE}]))", "{{decision}}"),
                ),
            ],
        ],
    )


def flipped(live: str, shadow: str) -> str:
    """Of what both decided, the share that was decided so."""
    chosen = f'shikyu_shadow_decisions_total{{JOB, live="{live}", shadow="{shadow}"}}'
    return f"sum(rate({chosen}[{RATE}])) / (sum(rate(shikyu_shadow_decisions_total{{JOB}}[{RATE}])) > 0)"


def another() -> Row:
    return (
        "Another model",
        [
            [
                graph(
                    "Other versions",
                    "That were found under `current`, in each interval, by what became of them.",
                    "short",
                    Query(f"sum by (outcome) (increase(shikyu_model_swaps_total{{JOB}}[{RATE}]))", "{{outcome}}"),
                ),
                graph(
                    "Processes behind `current`",
                    "An older version answers in them than `current` names, for that was refused.",
                    "short",
                    Query("sum(shikyu_model_refused{JOB})", "processes"),
                ),
                graph(
                    "Canary that flips",
                    "Of the last other version's decisions; beyond model.max_flip_share it is refused.",
                    "percentunit",
                    Query("max(shikyu_canary_flip_share{JOB})", "flipped"),
                ),
            ],
            [
                graph(
                    "Shadows",
                    "Processes with a second model, by which.",
                    "short",
                    Query(
                        "count by (name, version, precision) (shikyu_shadow_info{JOB})",
                        "{{name}} {{version}} {{precision}}",
                    ),
                    stacked=True,
                ),
                graph(
                    "Asked of shadows, a second",
                    "By what became of it; what is dropped came while the first model had work.",
                    "short",
                    Query(f"sum by (outcome) (rate(shikyu_shadow_records_total{{JOB}}[{RATE}]))", "{{outcome}}"),
                ),
                graph(
                    "Shadows that disagree",
                    "Of the messages that both models decided.",
                    "percentunit",
                    Query(flipped("routine", "urgent"), "would become urgent"),
                    Query(flipped("urgent", "routine"), "would become routine"),
                ),
            ],
        ],
    )


def dashboard() -> Dashboard:
    return board(
        "shikyu-model",
        "shikyu: what does the model say?",
        "Shares of what was decided, and whether messages are still what the model was made for.",
        "now-7d",
        [in_short(), decisions(), still_right(), another()],
    )
