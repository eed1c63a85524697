"""Whether what the model does is enough for what comes."""

import pytest

from consumer.doctor.pace import Pace, verdict


@pytest.mark.parametrize(
    ("pace", "status", "told"),
    [
        (Pace(0, 25, 0, 1, 3), "ok", "0.0 come a second, the model does 25.0; 0 wait"),
        (Pace(24, 25, 0, 1, 3), "ok", ""),
        (Pace(10, 25, 1500, 1, 3), "ok", "1,500 wait, for 2 min"),
        (Pace(60, 25, 0, 2, 3), "fail", "grows by 10.0 a second: run 3 such consumers, or"),
        (Pace(60, 25, 0, 1, 2), "fail", "run 3 such consumers, and give the input more partitions than its 2"),
        (Pace(24, 25, 36_000, 1, 3), "warn", "takes 10.0 h to work off; for an hour: run 2 such consumers"),
        (Pace(25, 25, 1, 1, 3), "warn", "takes for ever"),
    ],
)
def test_a_lag_that_grows_is_a_limit_not_met(pace, status, told):
    """By how many consumers there are, each as fast as this machine; one that shrinks slowly is warned of."""
    finding = verdict("group g", pace)

    assert finding.status == status
    assert told in f"{finding.value} {finding.advice}"
    assert finding.exit_code == (5 if status == "fail" else 0)
