"""CloudWatch's alarms, metric math, statistics and metrics of load balancers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.runtime.envoy import ClusterStatistics
from sandbox.services.cloudwatch.alarms import AlarmState, Criteria, alarm_state
from sandbox.services.cloudwatch.api import Distribution
from sandbox.services.cloudwatch.metric_math import evaluate, evaluate_all
from sandbox.services.cloudwatch.statistics import extended, known, percentile
from sandbox.services.cloudwatch.traffic import own_answers, traffic
from tests.support.sandbox.api_only import LocalApi, serving

STATES: tuple[AlarmState, ...] = ("OK", "ALARM", "INSUFFICIENT_DATA")
KEEP = "as before"


def values(drawing: str) -> list[float | None]:
    """Return values from a drawing as AWS's: 0 within the threshold, X beyond it, - missing."""
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
        assert alarm_state(criteria, values(drawing), before) == (before if expected == KEEP else expected), treatment


@pytest.mark.parametrize(
    ("drawing", "expected"), [("0 X 0 X", "ALARM"), ("X X 0 0", "ALARM"), ("X 0 0 X 0 0 0", "OK"), ("X 0 0 0", "OK")]
)
def test_some_of_several_datapoints(drawing: str, expected: str) -> None:
    assert alarm_state(Criteria("GreaterThanThreshold", 1.0, 4, 2), values(drawing), "OK") == expected


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
    assert alarm_state(Criteria(comparison, 5.0, 1, 1), [5.0], "OK") == expected


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
        ("4 * r ^ 0.5", 40.0),
        ("(e - r) ^ 0.5", None),
    ],
)
def test_metric_math(expression: str, expected: float | None) -> None:
    assert evaluate(expression, {"e": 5.0, "r": 100.0, "x": None, "z": 0.0}) == expected


@pytest.mark.parametrize("expression", ["ANOMALY_DETECTION_BAND(e)", "e.x", "__import__('os')", "e e"])
def test_other_math_is_refused(expression: str) -> None:
    with pytest.raises(NotImplementedError):
        evaluate(expression, {"e": 1.0})


def test_expressions_use_each_other_whatever_their_order() -> None:
    """AWS gives an alarm's queries back in an order of its own."""
    values = {"e": 5.0, "r": 100.0}
    assert evaluate_all({"a": "b / r", "b": "c + e", "c": "FILL(x, 3)"}, values) == {"a": 0.08, "b": 8.0, "c": 3.0}
    with pytest.raises(NotImplementedError, match="need each other"):
        evaluate_all({"a": "b + 1", "b": "a + 1"}, values)


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


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [  # the lower bound is not in it, the upper one is
        ("PR(:1)", 90.0),
        ("PR(1:)", 10.0),
        ("PR(1:2)", 9.0),
        ("PR(0.5:2)", 99.0),
        ("PR(9:)", 0.0),
        ("PR(8.99:)", 1.0),
        ("p91", 2.0),
    ],
)
def test_a_percentile_rank_is_the_share_of_a_range(statistic: str, expected: float) -> None:
    assert known(statistic)
    assert extended(statistic, {2.0: 9, 1.0: 90, 9.0: 1}) == pytest.approx(expected)
    assert extended(statistic, {}) is None


MALFORMED = (
    "Min",
    "average",
    "p101",
    "p-1",
    "P95",
    "pr(:1)",
    "PR",
    "PR(:)",
    "PR(1)",
    "PR(2:1)",
    "PR(a:)",
    "PR(1%:)",
    "",
)


@pytest.mark.parametrize("statistic", MALFORMED)
def test_what_is_no_statistic_is_none(statistic: str) -> None:
    assert not known(statistic)


@pytest.mark.parametrize("statistic", ["tm90", "TM(150:1000)", "TC(0.005:0.030)", "IQM", "WM(10%:90%)"])
def test_what_awss_has_and_ours_has_not_is_not_passed_over(statistic: str) -> None:
    with pytest.raises(NotImplementedError):
        known(statistic)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalApi]:
    with serving(tmp_path_factory.mktemp("cloudwatch") / "api") as running:
        yield running


GROUP = [{"Name": "TargetGroup", "Value": "targetgroup/blue/1"}]
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def asked(api: LocalApi, statistic: str, since: datetime, until: datetime, **more: Any) -> dict[datetime, float]:
    metric = {"Namespace": "AWS/ApplicationELB", "MetricName": "TargetResponseTime", "Dimensions": GROUP}
    query = {"Id": "one", "MetricStat": {"Metric": metric, "Period": 60, "Stat": statistic}}
    answer = api.client("cloudwatch").get_metric_data(
        MetricDataQueries=[query], StartTime=since, EndTime=until, ScanBy="TimestampAscending", **more
    )
    (found,) = answer["MetricDataResults"]
    return dict(zip(found["Timestamps"], found["Values"], strict=True))


def put(api: LocalApi, at: datetime, values: dict[float, int]) -> Any:
    backend = api.state.backend("cloudwatch", "123456789012", "us-east-1")
    dimensions = (("TargetGroup", "targetgroup/blue/1"),)
    naive = at.replace(tzinfo=None)
    backend.metric_data.append(
        Distribution("AWS/ApplicationELB", "TargetResponseTime", dimensions, naive, "Seconds", values)
    )
    return backend


def test_ranks_of_response_times_come_by_the_minute_that_holds_the_beginning(api: LocalApi) -> None:
    put(api, NOON, {0.02: 95, 0.3: 5})
    put(api, NOON + timedelta(seconds=40), {0.02: 40, 0.3: 60})  # of the same minute
    put(api, NOON + timedelta(minutes=2), {0.02: 1})
    since, until = NOON + timedelta(seconds=30), NOON + timedelta(minutes=5)
    assert asked(api, "PR(0.082:)", since, until) == {NOON: 32.5, NOON + timedelta(minutes=2): 0.0}
    assert asked(api, "SampleCount", since, until) == {NOON: 200, NOON + timedelta(minutes=2): 1}


def test_periods_last_as_long_as_the_minutes_in_which_metrics_are_written(api: LocalApi) -> None:
    later = NOON + timedelta(hours=1)
    backend = put(api, later, {0.3: 1})
    put(api, later + timedelta(seconds=2), {0.02: 1})
    try:
        backend.minute = 2.0
        found = asked(api, "PR(0.082:)", later, later + timedelta(seconds=10))
    finally:
        backend.minute = 60.0
    assert found == {later: 100.0, later + timedelta(seconds=2): 0.0}


@pytest.mark.parametrize("statistic", ["Min", "PR(:)", "PR(2:1)", "p101"])
def test_a_statistic_that_is_none_is_refused_and_named(api: LocalApi, statistic: str) -> None:
    with pytest.raises(ClientError) as refused:
        asked(api, statistic, NOON, NOON + timedelta(minutes=1))
    error = refused.value.response["Error"]
    assert error["Code"] == "ValidationError"
    assert error["Message"] == (
        f"The value {statistic} for parameter MetricDataQueries.member.1.MetricStat.Stat is not supported."
    )


def alarm(api: LocalApi, **given: Any) -> None:
    fixed = {"AlarmName": "any", "EvaluationPeriods": 1, "Threshold": 5, "ComparisonOperator": "GreaterThanThreshold"}
    api.client("cloudwatch").put_metric_alarm(**fixed, **given)


def test_an_alarm_may_watch_a_rank_and_nothing_that_is_no_statistic(api: LocalApi) -> None:
    simple = {"Namespace": "AWS/ApplicationELB", "MetricName": "TargetResponseTime", "Period": 60}
    alarm(api, **simple, ExtendedStatistic="PR(0.3:)")
    (found,) = api.client("cloudwatch").describe_alarms(AlarmNames=["any"])["MetricAlarms"]
    assert found["ExtendedStatistic"] == "PR(0.3:)"
    for wrong in ("PR(:)", "95", "PR(3:0.3)"):
        with pytest.raises(ClientError, match=r"ExtendedStatistic is not supported"):
            alarm(api, **simple, ExtendedStatistic=wrong)


def test_an_alarm_has_ten_metrics_and_ten_expressions_at_most(api: LocalApi) -> None:
    metric = {"Namespace": "AWS/ApplicationELB", "MetricName": "RequestCount"}
    stats: list[dict[str, Any]] = [
        {"Id": f"m{n}", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}, "ReturnData": False}
        for n in range(11)
    ]
    total = [{"Id": "total", "Expression": "m0 + m1", "ReturnData": True}]
    alarm(api, Metrics=[*stats[:10], *total])
    with pytest.raises(ClientError, match="10 metrics and 10 expressions"):
        alarm(api, Metrics=[*stats, *total])
