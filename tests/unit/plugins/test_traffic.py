"""Figures of both colours out of CloudWatch's metrics, pure and against the local API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.gate import Figures
from ansible.module_utils.traffic import METRICS, cpu, figures, of_group, suffix

from sandbox.api.cloudwatch import Distribution
from tests.unit.sandbox.api_only import LocalApi, serving

MINUTE = datetime(2026, 11, 25, 11, 30, tzinfo=UTC)
NEXT = MINUTE + timedelta(minutes=1)
GROUP = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/t1-blue/0123"
BALANCER = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/t1/0123"


def group(**series: dict[datetime, float]) -> dict[str, dict[datetime, float]]:
    return {name: series.get(name, {}) for name in METRICS}


def test_arns_become_what_cloudwatch_calls_them() -> None:
    assert suffix(BALANCER) == "app/t1/0123"
    assert suffix(GROUP) == suffix("targetgroup/t1-blue/0123") == "targetgroup/t1-blue/0123"


def test_percentiles_of_minutes_are_weighted_with_their_requests() -> None:
    series = group(requests={MINUTE: 90, NEXT: 10}, c2xx={MINUTE: 90, NEXT: 10}, p95={MINUTE: 0.040, NEXT: 0.140})
    found = of_group(series, {})
    assert (found.requests, found.errors, found.p90_ms) == (100, 0, None)
    assert found.p95_ms == pytest.approx(50.0)


def test_requests_without_an_answer_are_errors_as_far_as_the_load_balancer_answered_itself() -> None:
    series = group(requests={MINUTE: 100}, c2xx={MINUTE: 80}, c3xx={MINUTE: 5}, c4xx={MINUTE: 3}, c5xx={MINUTE: 2})
    assert of_group(series, {MINUTE: 7}) == Figures(97, 9, None)
    assert of_group(series, {MINUTE: 700}) == Figures(100, 12, None)


def test_a_minute_whose_answers_are_not_there_yet_neither_counts_nor_dilutes() -> None:
    late = group(requests={MINUTE: 100, NEXT: 400}, c2xx={MINUTE: 95}, c5xx={MINUTE: 5})
    assert of_group(late, {}) == Figures(100, 5, None)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalApi]:
    root: Path = tmp_path_factory.mktemp("gate") / "api"
    with serving(root) as running:
        yield running


def put(api: LocalApi, name: str, dimensions: dict[str, str], at: datetime, values: dict[float, int]) -> None:
    namespace = "AWS/ECS" if name == "CPUUtilization" else "AWS/ApplicationELB"
    pairs = tuple(dimensions.items())
    one = Distribution(namespace, name, pairs, at.replace(tzinfo=None), "Count", values)
    api.state.backend("cloudwatch", "123456789012", "us-east-1").metric_data.append(one)


def test_both_colours_come_in_one_call(api: LocalApi) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    since = now - timedelta(seconds=150)
    client: Any = api.client("cloudwatch")
    groups = {"blue": GROUP, "green": GROUP.replace("blue", "green")}
    for colour, ok, wrong, seconds in (("blue", 95, 0, 0.04), ("green", 8, 2, 0.2)):
        dimensions = {"TargetGroup": suffix(groups[colour]), "LoadBalancer": suffix(BALANCER)}
        for ago in (-10, 5, 65, 140):  # the first is before the beginning
            at = now - timedelta(seconds=ago) if ago > 0 else since - timedelta(seconds=10)
            put(api, "RequestCount", dimensions, at, {float(ok + wrong): 1})
            put(api, "HTTPCode_Target_2XX_Count", dimensions, at, {float(ok): 1})
            if wrong:
                put(api, "HTTPCode_Target_5XX_Count", dimensions, at, {float(wrong): 1})
            put(api, "TargetResponseTime", dimensions, at, {seconds: ok + wrong})
    before = len(api.journal())
    found = figures(client, BALANCER, groups, since, now)
    assert len(api.journal()) == before + 1
    blue, green = found["blue"], found["green"]
    assert (blue.requests, blue.errors, green.requests, green.errors) == (285, 0, 30, 6)
    assert [blue.p95_ms, blue.p90_ms, green.p95_ms, green.p90_ms] == pytest.approx([40.0, 40.0, 200.0, 200.0])


def test_nothing_is_nothing_and_no_passing_figure(api: LocalApi) -> None:
    now = datetime.now(UTC)
    found = figures(api.client("cloudwatch"), BALANCER, {"green": f"{GROUP}x"}, now - timedelta(minutes=2), now)
    assert found == {"green": Figures(0, 0, None, None)}


def test_cpu_is_the_mean_of_the_service(api: LocalApi) -> None:
    now = datetime.now(UTC)
    since = now - timedelta(minutes=2)
    dimensions = {"ClusterName": "t1", "ServiceName": "t1-app"}
    for ago, percent in ((10, 80.0), (70, 40.0)):
        put(api, "CPUUtilization", dimensions, now - timedelta(seconds=ago), {percent: 1})
    assert cpu(api.client("cloudwatch"), "t1", "t1-app", since, now) == pytest.approx(60.0)
    assert cpu(api.client("cloudwatch"), "t1", "other", since, now) is None
