"""Metrics that rules and dashboards ask for and another change brings; a name that is there leaves this list."""

LATER: set[str] = set()
# Told only where the settings or the artifact ask for it: a panel of these may be empty.
MAY_BE_EMPTY = {
    "shikyu_drift_alarm",
    "shikyu_drift_distance",
    "shikyu_drift_limit",
    "shikyu_model_swaps_total",
    "shikyu_model_refused",
    "shikyu_canary_flip_share",
    "shikyu_shadow_info",
    "shikyu_shadow_records_total",
    "shikyu_shadow_decisions_total",
}
