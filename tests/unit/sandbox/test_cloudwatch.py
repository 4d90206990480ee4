"""Alarms, metric math and what Envoy's counters become, without a process."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.api.cloudwatch import percentile
from sandbox.api.metric_math import evaluate
from sandbox.controllers.cloudwatch_alarms import AlarmState, Criteria, judge
from sandbox.controllers.cloudwatch_traffic import own_answers, traffic
from sandbox.runtime.envoy import ClusterStatistics

STATES: tuple[AlarmState, ...] = ("OK", "ALARM", "INSUFFICIENT_DATA")
KEEP = "as before"


def values(drawing: str) -> list[float | None]:
    """As AWS draws them: 0 within the threshold, X beyond it, - missing."""
    return [{"0": 0.0, "X": 9.0, "-": None}[one] for one in drawing.split()]


@pytest.mark.parametrize(
    ("drawing", "missing", "ignore", "breaching", "not_breaching"),
    [
        ("0 - X - X", "OK", "OK", "OK", "OK"),
        ("0 - - - -", "OK", "OK", "OK", "OK"),
        ("- - - - -", "INSUFFICIENT_DATA", KEEP, "ALARM", "OK"),
        ("0 X X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
        ("- - X - -", "ALARM", KEEP, "ALARM", "OK"),
    ],
)
@pytest.mark.parametrize("before", STATES)
def test_missing_data_is_treated_as_awss_table_says(
    drawing: str, missing: str, ignore: str, breaching: str, not_breaching: str, before: AlarmState
) -> None:
    treatments = {"missing": missing, "ignore": ignore, "breaching": breaching, "notBreaching": not_breaching}
    for treatment, expected in treatments.items():
        criteria = Criteria("GreaterThanThreshold", 1.0, 3, 3, treatment)  # type: ignore[arg-type]
        assert judge(criteria, values(drawing), before) == (before if expected == KEEP else expected), treatment


@pytest.mark.parametrize(
    ("drawing", "expected"), [("0 X 0 X", "ALARM"), ("X X 0 0", "ALARM"), ("X 0 0 X 0 0 0", "OK"), ("X 0 0 0", "OK")]
)
def test_some_of_several_datapoints(drawing: str, expected: str) -> None:
    assert judge(Criteria("GreaterThanThreshold", 1.0, 4, 2), values(drawing), "OK") == expected


@pytest.mark.parametrize(
    ("comparison", "expected"),
    [
        ("GreaterThanThreshold", "OK"),
        ("GreaterThanOrEqualToThreshold", "ALARM"),
        ("LessThanThreshold", "OK"),
        ("LessThanOrEqualToThreshold", "ALARM"),
    ],
)
def test_the_threshold_itself(comparison: str, expected: str) -> None:
    assert judge(Criteria(comparison, 5.0, 1, 1), [5.0], "OK") == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("100 * e / r", 5.0),
        ("(e + FILL(x, 3)) / r", 0.08),
        ("e + x", None),
        ("e / z", None),
        ("IF(r > 10, e, 0)", 5.0),
        ("IF(r > 1000, e, -1)", -1.0),
        ("SUM([e, r, x])", 105.0),
        ("MAX([e, r])", 100.0),
    ],
)
def test_metric_math(expression: str, expected: float | None) -> None:
    assert evaluate(expression, {"e": 5.0, "r": 100.0, "x": None, "z": 0.0}) == expected


@pytest.mark.parametrize("expression", ["ANOMALY_DETECTION_BAND(e)", "e.x", "__import__('os')", "e e"])
def test_other_math_is_refused(expression: str) -> None:
    with pytest.raises(NotImplementedError):
        evaluate(expression, {"e": 1.0})


BEFORE = ClusterStatistics(completed=100, responses_2xx=99, responses_5xx=1, requests=100, times={10.0: 100})
DIMENSIONS = (("TargetGroup", "targetgroup/blue/1"),)


def measured(now: ClusterStatistics) -> dict[str, Any]:
    return {one.name: dict(one.values) for one in traffic(now, BEFORE, [DIMENSIONS])}


def test_counters_become_what_happened_since() -> None:
    now = ClusterStatistics(
        completed=110, requests=110, responses_2xx=105, responses_3xx=1, responses_5xx=4, times={10.0: 107, 20.0: 3}
    )
    assert measured(now) == {
        "RequestCount": {10.0: 1},
        "HTTPCode_Target_2XX_Count": {6.0: 1},
        "HTTPCode_Target_3XX_Count": {1.0: 1},
        "HTTPCode_Target_5XX_Count": {3.0: 1},
        "TargetResponseTime": {0.005: 7, 0.015: 3},
    }


def test_nothing_happened_is_no_datapoint() -> None:
    assert measured(BEFORE) == {}


def test_a_restarted_envoy_counts_from_nothing() -> None:
    now = ClusterStatistics(completed=3, requests=3, responses_2xx=3, times={10.0: 3})
    assert measured(now)["RequestCount"] == {3.0: 1}


@pytest.mark.parametrize(
    ("counters", "of_group", "of_balancer"),
    [  # as Envoy counts three requests that are answered with 503, and who answered
        ({"requests": 3}, {"RequestCount", "HTTPCode_Target_5XX_Count"}, set()),
        ({"unserved": 3}, set(), {"HTTPCode_ELB_503_Count", "HTTPCode_ELB_5XX_Count"}),
        ({"unconnected": 3}, {"RequestCount"}, {"HTTPCode_ELB_502_Count", "HTTPCode_ELB_5XX_Count"}),
        ({"requests": 3, "broken": 3}, {"RequestCount"}, {"HTTPCode_ELB_502_Count", "HTTPCode_ELB_5XX_Count"}),
    ],
)
def test_who_answered_503_decides_for_whom_it_counts(
    counters: dict[str, Any], of_group: set[str], of_balancer: set[str]
) -> None:
    now = ClusterStatistics(completed=3, responses_5xx=3, responses_503=3, **counters)
    nothing = ClusterStatistics()
    found = {one.name: dict(one.values) for one in traffic(now, nothing, [DIMENSIONS])}
    assert found == {name: {3.0: 1} for name in of_group}
    own = {one.name: dict(one.values) for one in own_answers(now, nothing, DIMENSIONS)}
    assert own == {name: {3.0: 1} for name in of_balancer}


def test_what_broke_off_after_it_was_answered_counts_as_answered() -> None:
    now = ClusterStatistics(completed=3, requests=3, responses_2xx=3, broken=3)
    assert list(own_answers(now, ClusterStatistics(), DIMENSIONS)) == []


@pytest.mark.parametrize(("percent", "expected"), [(50, 1.0), (90, 1.0), (91, 2.0), (99, 2.0), (99.9, 9.0), (100, 9.0)])
def test_percentiles(percent: float, expected: float) -> None:
    assert percentile({2.0: 9, 1.0: 90, 9.0: 1}, percent) == expected
    assert percentile({}, percent) is None
