"""Figures of both colours out of CloudWatch's metrics, pure and against the local API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ops.release.metrics import METRICS, cpu, minutes, of_group, ranked, slow, suffix
from ops.release.sample import Figures, Minute, sample
from sandbox.services.cloudwatch.api import Distribution
from tests.support.sandbox.api_only import LocalApi, serving

MINUTE = datetime(2026, 11, 25, 11, 30, tzinfo=UTC)
NEXT = MINUTE + timedelta(minutes=1)
GROUP = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/t1-blue/0123"
BALANCER = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/t1/0123"


def group(**series: dict[datetime, float]) -> dict[str, dict[datetime, float]]:
    return {name: series.get(name, {}) for name in METRICS}


def test_arns_become_what_cloudwatch_calls_them() -> None:
    assert suffix(BALANCER) == "app/t1/0123"
    assert suffix(GROUP) == suffix("targetgroup/t1-blue/0123") == "targetgroup/t1-blue/0123"


def test_requests_without_an_answer_are_errors_as_far_as_the_load_balancer_answered_itself() -> None:
    series = group(requests={MINUTE: 100}, c2xx={MINUTE: 80}, c3xx={MINUTE: 5}, c4xx={MINUTE: 3}, c5xx={MINUTE: 2})
    assert of_group(series, {MINUTE: 7}) == {MINUTE: Minute(97, 9)}
    assert of_group(series, {MINUTE: 700}) == {MINUTE: Minute(100, 12)}


def test_a_minute_whose_answers_are_not_there_yet_neither_counts_nor_dilutes() -> None:
    late = group(requests={MINUTE: 100, NEXT: 400}, c2xx={MINUTE: 95}, c5xx={MINUTE: 5})
    assert of_group(late, {}) == {MINUTE: Minute(100, 5), NEXT: Minute()}


def test_response_times_have_a_number_of_their_own() -> None:
    """They may come a moment later than the counts."""
    series = group(requests={MINUTE: 100}, c2xx={MINUTE: 100}, timed={MINUTE: 80}, p95={MINUTE: 0.04})
    assert of_group(series, {}) == {MINUTE: Minute(100, 0, 80, 40.0)}


def test_a_minute_without_a_rank_has_no_response_times_that_count() -> None:
    known = {MINUTE: Minute(100, 0, 80, 40.0), NEXT: Minute(10, 0, 10, 40.0)}
    assert ranked(known, {MINUTE: 2.5}) == {MINUTE: Minute(100, 0, 80, 40.0, 2.0), NEXT: Minute(10)}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalApi]:
    root: Path = tmp_path_factory.mktemp("metrics") / "api"
    with serving(root) as running:
        yield running


def put(api: LocalApi, name: str, dimensions: dict[str, str], at: datetime, values: dict[float, int]) -> None:
    namespace = "AWS/ECS" if name == "CPUUtilization" else "AWS/ApplicationELB"
    pairs = tuple(dimensions.items())
    one = Distribution(namespace, name, pairs, at.replace(tzinfo=None), "Count", values)
    api.state.backend("cloudwatch", "123456789012", "us-east-1").metric_data.append(one)


def test_both_colours_come_in_one_call_and_their_slow_requests_in_another(api: LocalApi) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    since = now - timedelta(seconds=150)
    client: Any = api.client("cloudwatch")
    groups = {"blue": GROUP, "green": GROUP.replace("blue", "green")}
    for colour, ok, wrong, seconds in (("blue", 95, 0, 0.04), ("green", 8, 2, 0.2)):
        dimensions = {"TargetGroup": suffix(groups[colour]), "LoadBalancer": suffix(BALANCER)}
        for ago in (-10, 5, 65, 140):  # the first is before the beginning
            at = now - timedelta(seconds=ago) if ago > 0 else since - timedelta(seconds=70)
            put(api, "RequestCount", dimensions, at, {float(ok + wrong): 1})
            put(api, "HTTPCode_Target_2XX_Count", dimensions, at, {float(ok): 1})
            if wrong:
                put(api, "HTTPCode_Target_5XX_Count", dimensions, at, {float(wrong): 1})
            put(api, "TargetResponseTime", dimensions, at, {seconds: ok + wrong})
    before = len(api.journal())
    found = minutes(client, BALANCER, groups, since, now)
    compared = slow(client, BALANCER, groups, sample(found["blue"], found["green"], {}, share=10), slow_ms=100)
    assert len(api.journal()) == before + 2
    assert api.journal()[-1]["operation"] == "GetMetricData"
    figures = compared.figures()
    assert figures["blue"] == Figures(285, 0, 40.0, 0, 100)
    assert figures["green"] == Figures(30, 6, 200.0, 30, 100)


def test_the_threshold_is_told_in_seconds(api: LocalApi) -> None:
    """As AWS tells TargetResponseTime; at the threshold itself nothing is slow."""
    now = datetime.now(UTC)
    dimensions = {"TargetGroup": "targetgroup/t1-exact/0", "LoadBalancer": suffix(BALANCER)}
    put(api, "TargetResponseTime", dimensions, now - timedelta(seconds=1), {0.082: 3, 0.083: 1})
    groups = {"green": "targetgroup/t1-exact/0"}
    client = api.client("cloudwatch")
    found = minutes(client, BALANCER, groups, now - timedelta(minutes=2), now)
    for slow_ms, count in ((82, 1), (81, 4), (83, 0)):
        compared = slow(client, BALANCER, groups, sample({}, found["green"], {}, share=10), slow_ms)
        assert compared.figures()["green"].slow == count


def test_nothing_is_nothing_and_no_passing_figure(api: LocalApi) -> None:
    now = datetime.now(UTC)
    found = minutes(api.client("cloudwatch"), BALANCER, {"green": f"{GROUP}x"}, now - timedelta(minutes=2), now)
    assert found == {"green": {}}


def test_cpu_is_the_mean_of_the_service(api: LocalApi) -> None:
    now = datetime.now(UTC)
    since = now - timedelta(minutes=2)
    dimensions = {"ClusterName": "t1", "ServiceName": "t1-app"}
    for ago, percent in ((10, 80.0), (70, 40.0)):
        put(api, "CPUUtilization", dimensions, now - timedelta(seconds=ago), {percent: 1})
    assert cpu(api.client("cloudwatch"), "t1", "t1-app", since, now) == pytest.approx(60.0)
    assert cpu(api.client("cloudwatch"), "t1", "other", since, now) is None
