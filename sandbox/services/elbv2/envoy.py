"""Translate load balancers, listeners, rules and target groups to Envoy's model. No side effects."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, cast

from moto.elbv2.models import FakeListener, FakeLoadBalancer, FakeTargetGroup
from moto.elbv2.ssl_policies import SSL_POLICIES

from sandbox.runtime.certificates import Identity
from sandbox.runtime.envoy import (
    Cluster,
    Endpoint,
    FixedResponse,
    Forward,
    HealthCheck,
    HttpListener,
    Match,
    Redirect,
    Route,
    Tls,
)
from sandbox.runtime.envoy.model import Action, TlsVersion

Document = dict[str, Any]

#: Ports below 1024 need root, so a load balancer's ports are served this much higher.
PORT_OFFSET = 8000
SERVER = "awselb/2.0"
#: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
HEALTH_CHECKER = "ELB-HealthChecker/2.0"

_TLS_VERSIONS: dict[str, TlsVersion] = {
    "TLSv1": "TLSv1_0",
    "TLSv1.1": "TLSv1_1",
    "TLSv1.2": "TLSv1_2",
    "TLSv1.3": "TLSv1_3",
}
#: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/sticky-sessions.html
STICKY_COOKIE = "AWSALBTG"
_ALGORITHMS: dict[str, Literal["ROUND_ROBIN", "LEAST_REQUEST", "RANDOM"]] = {
    "round_robin": "ROUND_ROBIN",
    "least_outstanding_requests": "LEAST_REQUEST",
    "weighted_random": "RANDOM",
}


def name(arn: str) -> str:
    """Return Envoy's name for the resource of that ARN."""
    return arn.rpartition(":")[2]


def listener(
    balancer: FakeLoadBalancer,
    listener: FakeListener,
    address: str,
    identify: Callable[[str], Identity],
) -> HttpListener:
    """Return a listener at the load balancer's address. `identify`: certificate ARN -> its identity."""
    port = int(listener.port)
    return HttpListener(
        name=name(listener.arn),
        address=address,
        port=port + PORT_OFFSET,
        public_port=port,
        routes=tuple(_route(rule, listener, port) for rule in listener.rules.values()),
        tls=_tls(listener, identify) if listener.protocol == "HTTPS" else None,
        idle_timeout=float(balancer.attrs["idle_timeout.timeout_seconds"]),
        server=SERVER,
    )


def cluster(group: FakeTargetGroup, idle_timeout: float, locate: Callable[[str], str]) -> Cluster:
    """Return a target group as a cluster of its registered targets, so without those that drain.

    `locate`: IP address in the VPC -> address here. It fails open: if no target is healthy, all get requests.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
    """
    return Cluster(
        name=name(group.arn),
        endpoints=tuple(
            Endpoint(locate(target["Id"]), int(target["Port"]), target["Id"]) for target in group.targets.values()
        ),
        health_check=health_check(group),
        fail_open=True,
        policy=_ALGORITHMS[group.attributes["load_balancing.algorithm.type"]],
        connect_timeout=10.0,
        idle_timeout=idle_timeout,
    )


def health_check(group: FakeTargetGroup) -> HealthCheck:
    """Return the health check of a target group."""
    port = str(group.health_check_port)
    return HealthCheck(
        path=group.health_check_path or "/",
        interval=float(group.health_check_interval_seconds),
        timeout=float(group.health_check_timeout_seconds),
        healthy_threshold=int(group.healthy_threshold_count),
        unhealthy_threshold=int(group.unhealthy_threshold_count),
        codes=codes(group.matcher["HttpCode"]),
        port=None if port == "traffic-port" else int(port),
        user_agent=HEALTH_CHECKER,
    )


def codes(matcher: str) -> tuple[range, ...]:
    """Return the ranges of a matcher such as `200-299,302`."""
    bounds = (part.partition("-") for part in matcher.split(","))
    return tuple(range(int(first), int(last or first) + 1) for first, _, last in bounds)


def _tls(listener: FakeListener, identify: Callable[[str], Identity]) -> Tls:
    protocols = cast(list[str], SSL_POLICIES[listener.ssl_policy]["ssl_protocols"])
    versions = sorted(_TLS_VERSIONS[protocol] for protocol in protocols)
    return Tls(tuple(identify(arn) for arn in listener.certificates), versions[0], versions[-1])


def _route(rule: Any, listener: FakeListener, port: int) -> Route:
    (action,) = (one.data for one in rule.actions)
    return Route(_action(action, listener.protocol.lower(), port), _match(rule.conditions))


def _action(action: Document, protocol: str, port: int) -> Action:
    match action["Type"]:
        case "forward":
            config = action["ForwardConfig"]
            sticky = config["TargetGroupStickinessConfig"]
            return Forward(
                tuple((name(one["TargetGroupArn"]), int(one["Weight"])) for one in config["TargetGroups"]),
                sticky_seconds=int(sticky["DurationSeconds"]) if sticky["Enabled"] else 0,
                sticky_cookie=STICKY_COOKIE,
            )
        case "redirect":
            return _redirect(action["RedirectConfig"], protocol, port)
        case _:
            fixed = action["FixedResponseConfig"]
            return FixedResponse(
                int(fixed["StatusCode"]),
                fixed.get("MessageBody", ""),
                fixed.get("ContentType", "text/plain"),
            )


def _redirect(config: Document, protocol: str, port: int) -> Redirect:
    scheme = config["Protocol"].lower().replace("#{protocol}", protocol)
    return Redirect(
        status=301 if config["StatusCode"] == "HTTP_301" else 302,
        scheme="https" if scheme == "https" else "http",
        host=None if config["Host"] == "#{host}" else config["Host"],
        port=int(config["Port"].replace("#{port}", str(port))),
        path=None if config["Path"] == "/#{path}" else config["Path"].replace("#{path}", "{path}"),
        keep_query=bool(config["Query"]),
    )


def _match(conditions: Iterable[Document]) -> Match:
    values: dict[str, tuple[str, ...]] = {}
    headers: list[tuple[str, tuple[str, ...]]] = []
    queries: list[tuple[tuple[str | None, str], ...]] = []
    for condition in conditions:
        match condition["Field"]:
            case "http-header":
                config = condition["HttpHeaderConfig"]
                headers.append((config["HttpHeaderName"].lower(), tuple(config["Values"])))
            case "query-string":
                pairs = condition["QueryStringConfig"]["Values"]
                queries.append(tuple((pair.get("Key"), pair["Value"]) for pair in pairs))
            case "http-request-method" as field:
                values[field] = tuple(condition["HttpRequestMethodConfig"]["Values"])
            case field:
                values[field] = tuple(condition["Values"])
    return Match(
        paths=values.get("path-pattern", ()),
        hosts=values.get("host-header", ()),
        methods=values.get("http-request-method", ()),
        headers=tuple(headers),
        queries=tuple(queries),
    )
