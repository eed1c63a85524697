"""Metrics that rules and dashboards ask for and another change brings; a name that is there leaves this list."""

LATER: set[str] = set()
# Told only where the settings or the artifact ask for it: a panel of these may be empty.
MAY_BE_EMPTY = {"shikyu_drift_alarm", "shikyu_drift_distance", "shikyu_drift_limit"}
