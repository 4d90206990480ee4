"""Translation of ELBv2's records to Envoy's model, and of Envoy's health to AWS's."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sandbox.aws_api.status import TargetHealth
from sandbox.runtime.certificates import Identity
from sandbox.runtime.envoy import (
    Endpoint,
    EndpointHealth,
    FixedResponse,
    Forward,
    HealthCheck,
    HttpListener,
    Match,
    Redirect,
)
from sandbox.services.elbv2 import envoy as elbv2_envoy
from sandbox.services.elbv2 import health as elbv2_health
from sandbox.services.elbv2.health import CHECKING, FAILED, HEALTHY, TIMED_OUT, HealthTracker, explain
from tests.support import nets
from tests.support.waiting import HANGS_SECONDS
from tests.unit.runtime.upstreams import upstream

ADDRESS = f"{nets.OWN}.9.20"
ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012"
GROUP = f"{ARN}:targetgroup/blue/0123456789abcdef"
BALANCER = SimpleNamespace(attrs={"idle_timeout.timeout_seconds": "30"})
KEY = (GROUP, "10.20.0.11", 8000)
TARGET = Endpoint(ADDRESS, 8000, "10.20.0.11")
WELL = EndpointHealth(healthy=True, pending=False, timed_out=False)
ILL = EndpointHealth(healthy=False, pending=False, timed_out=False)


def translated(
    action: dict[str, Any],
    *conditions: dict[str, Any],
    policy: str = "ELBSecurityPolicy-TLS13-1-2-2021-06",
) -> HttpListener:
    rule = SimpleNamespace(actions=[SimpleNamespace(data=action)], conditions=[*conditions])
    listener: Any = SimpleNamespace(
        arn=f"{ARN}:listener/app/campus/1/2",
        port=443,
        protocol="HTTPS",
        ssl_policy=policy,
        certificates=["one", "two"],
        rules={"rule": rule},
    )
    balancer: Any = BALANCER
    return elbv2_envoy.listener(balancer, listener, ADDRESS, lambda arn: identity(arn))


def identity(arn: str) -> Identity:
    return Identity(Path(f"{arn}.pem"), Path(f"{arn}.key"))


def fixed(**config: str) -> dict[str, Any]:
    return {"Type": "fixed-response", "FixedResponseConfig": config}


def test_a_listener_is_served_above_the_privileged_ports() -> None:
    listener = translated(fixed(StatusCode="404"))
    assert (listener.address, listener.port, listener.public_port) == (ADDRESS, 8443, 443)
    assert listener.name == "listener/app/campus/1/2"
    assert listener.idle_timeout == 30.0


@pytest.mark.parametrize(
    ("policy", "minimum", "maximum"),
    [
        ("ELBSecurityPolicy-TLS13-1-2-2021-06", "TLSv1_2", "TLSv1_3"),
        ("ELBSecurityPolicy-TLS13-1-3-2021-06", "TLSv1_3", "TLSv1_3"),
        ("ELBSecurityPolicy-2016-08", "TLSv1_0", "TLSv1_2"),
    ],
)
def test_the_policy_decides_on_tls(policy: str, minimum: str, maximum: str) -> None:
    tls = translated(fixed(StatusCode="404"), policy=policy).tls
    assert tls
    assert (tls.minimum, tls.maximum) == (minimum, maximum)
    assert tls.identities == (identity("one"), identity("two"))


def test_actions() -> None:
    groups = [{"TargetGroupArn": GROUP, "Weight": 3}]
    loose = {"TargetGroups": groups, "TargetGroupStickinessConfig": {"Enabled": False}}
    forward = {"Type": "forward", "ForwardConfig": loose}
    assert action_of(forward) == Forward((("targetgroup/blue/0123456789abcdef", 3),), sticky_cookie="AWSALBTG")
    sticky = {"TargetGroups": groups, "TargetGroupStickinessConfig": {"Enabled": True, "DurationSeconds": 60}}
    bound = Forward((("targetgroup/blue/0123456789abcdef", 3),), sticky_seconds=60, sticky_cookie="AWSALBTG")
    assert action_of({**forward, "ForwardConfig": sticky}) == bound
    assert action_of(fixed(StatusCode="503", MessageBody="soon")) == FixedResponse(503, "soon")
    redirect = {
        "Protocol": "#{protocol}",
        "Host": "new.example",
        "Port": "#{port}",
        "Path": "/v2/#{path}",
        "Query": "",
        "StatusCode": "HTTP_302",
    }
    assert action_of({"Type": "redirect", "RedirectConfig": redirect}) == Redirect(
        302, "https", "new.example", 443, "/v2/{path}", keep_query=False
    )


def action_of(action: dict[str, Any]) -> object:
    return translated(action).routes[0].action


def test_conditions() -> None:
    header = {"HttpHeaderName": "X-Tier", "Values": ["one"]}
    pairs = [{"Key": "version", "Value": "v1"}, {"Value": "any"}]
    (route,) = translated(
        fixed(StatusCode="404"),
        {"Field": "path-pattern", "Values": ["/a", "/b/*"]},
        {"Field": "host-header", "Values": ["app.example"]},
        {"Field": "http-header", "HttpHeaderConfig": header},
        {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["PUT"]}},
        {"Field": "query-string", "QueryStringConfig": {"Values": pairs}},
    ).routes
    assert route.match == Match(
        paths=("/a", "/b/*"),
        hosts=("app.example",),
        methods=("PUT",),
        headers=(("x-tier", ("one",)),),
        queries=((("version", "v1"), (None, "any")),),
    )


def test_matchers() -> None:
    assert elbv2_envoy.codes("200") == (range(200, 201),)
    assert elbv2_envoy.codes("200-299,302") == (range(200, 300), range(302, 303))


def evaluated(tracker: HealthTracker, observed: EndpointHealth | None, **check: Any) -> TargetHealth:
    return tracker.evaluate(KEY, TARGET, HealthCheck("/readyz", **check), observed)


def test_initial_until_the_threshold_is_reached() -> None:
    tracker = HealthTracker()
    assert evaluated(tracker, None) == CHECKING
    assert evaluated(tracker, ILL, interval=30.0) == CHECKING
    assert evaluated(tracker, ILL, interval=0.0) == FAILED


def test_the_first_success_ends_initial_and_envoy_decides_from_then_on() -> None:
    tracker = HealthTracker()
    assert evaluated(tracker, WELL) == HEALTHY
    assert evaluated(tracker, ILL) == FAILED
    assert evaluated(tracker, EndpointHealth(False, False, timed_out=True)) == TIMED_OUT


def test_a_new_target_that_comes_to_pass_is_met_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tracker = HealthTracker()
    monkeypatch.setattr(elbv2_health, "FIRST_CHECK_TIMEOUT", HANGS_SECONDS)
    with upstream("booting", ADDRESS) as server:
        server.status = 503
        evaluated(tracker, ILL, interval=0.0)
        assert not tracker.renewed(KEY)
        server.status = 200
        evaluated(tracker, ILL, interval=0.0)
        assert tracker.renewed(KEY)
        evaluated(tracker, ILL, interval=0.0)
        assert tracker.renewed(KEY), "as long as Envoy has it"
        evaluated(tracker, None)
        assert not tracker.renewed(KEY)
        assert evaluated(tracker, WELL) == HEALTHY
        evaluated(tracker, ILL, interval=0.0)
        assert not tracker.renewed(KEY), "from then on the threshold counts"


def test_no_news_changes_nothing() -> None:
    tracker = HealthTracker()
    evaluated(tracker, WELL)
    assert evaluated(tracker, None) == HEALTHY
    assert evaluated(tracker, EndpointHealth(False, pending=True, timed_out=False)) == HEALTHY
    tracker.forget_all_but(set())
    assert evaluated(tracker, None) == CHECKING


def test_reasons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elbv2_health, "CHECK_TIMEOUT", HANGS_SECONDS)
    check = HealthCheck("/readyz", user_agent="ELB-HealthChecker/2.0")
    assert explain(TARGET, check) == FAILED
    with upstream("sick", ADDRESS) as server:
        server.status = 503
        described = explain(TARGET, check)
        assert described.reason == "Target.ResponseCodeMismatch"
        assert described.description == "Health checks failed with these codes: [503]"
        server.holds.clear()
        monkeypatch.setattr(elbv2_health, "CHECK_TIMEOUT", 0.5)
        assert explain(TARGET, check) == TIMED_OUT, "it waits for no answer that never comes"
