"""Translation of the model to Envoy's resources: conditions of routes, and the published files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sandbox.runtime.envoy import (
    Cluster,
    Endpoint,
    FixedResponse,
    Forward,
    HealthCheck,
    HttpListener,
    Listener,
    Match,
    Redirect,
    Route,
    TcpListener,
    xds,
)


def route_of(route: Route) -> dict[str, Any]:
    listener = HttpListener("web", "127.0.0.1", 8080, (route,))
    files = xds.files(Path("xds"), [listener], [])
    (configuration,) = json.loads(files["rds_web.json"])["resources"]
    (found,) = configuration["virtual_hosts"][0]["routes"]
    return dict(found)


def action_of(action: Forward | Redirect | FixedResponse) -> dict[str, Any]:
    return route_of(Route(action))


def matches(match: Match, request: str, host: str = "", **headers: str) -> bool:
    """Return whether Envoy would take the route. RE2 and Python's re agree on these expressions."""
    rule = route_of(Route(FixedResponse(200), match))["match"]
    sent = {":path": request, ":authority": host, ":method": "GET", **headers}
    path = rule["safe_regex"]["regex"] if "safe_regex" in rule else "/.*"
    return bool(re.fullmatch(path, request.partition("?")[0])) and all(
        re.fullmatch(header["string_match"]["safe_regex"]["regex"], sent.get(header["name"], ""))
        for header in rule["headers"]
    )


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("/*", "/anything/at/all", True),
        ("/api/*", "/api/v1/students", True),
        ("/api/*", "/api", False),
        ("/img/*.p?g", "/img/a/b.png", True),
        ("/img/*.p?g", "/img/a/b.pg", False),
        ("/Case", "/case", False),
        ("/a.b", "/aXb", False),
    ],
)
def test_path_patterns(pattern: str, path: str, expected: bool) -> None:
    assert matches(Match(paths=(pattern,)), path) is expected


def test_any_value_of_a_condition_and_all_conditions() -> None:
    match = Match(paths=("/a", "/b"), hosts=("one.example", "*.two.example"), methods=("GET",))
    assert matches(match, "/b", "ONE.example:443")
    assert matches(match, "/a", "x.two.example")
    assert not matches(match, "/a", "two.example")
    assert not matches(match, "/c", "one.example")


def test_header_conditions_hold_together() -> None:
    match = Match(headers=(("x-tier", ("one", "t*o")), ("x-beta", ("yes",))))
    assert matches(match, "/", **{"x-tier": "TWO", "x-beta": "yes"})
    assert not matches(match, "/", **{"x-tier": "two"})


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("/?version=v1", True),
        ("/?a=b&version=v1&c=d", True),
        ("/?version=v10", False),
        ("/?xversion=v1", False),
        ("/?anything=example42", True),
        ("/version=v1", False),
    ],
)
def test_query_conditions(query: str, expected: bool) -> None:
    assert matches(Match(queries=((("version", "v1"), (None, "*example*")),)), query) is expected


def test_weights_that_sum_up_to_nothing_are_answered_503() -> None:
    assert action_of(Forward((("blue", 0), ("green", 0))))["direct_response"] == {"status": 503}


def test_redirect_names_only_what_changes() -> None:
    redirect = action_of(Redirect(scheme="https", port=443))["redirect"]
    assert redirect == {
        "response_code": "MOVED_PERMANENTLY",
        "strip_query": False,
        "scheme_redirect": "https",
        "port_redirect": 443,
    }


def test_any_bad_answer_counts_towards_the_threshold() -> None:
    check = HealthCheck(path="/readyz", codes=(range(200, 300), range(302, 303)))
    content = xds.files(Path("xds"), [], [Cluster("blue", health_check=check)])["cds.json"]
    (cluster,) = json.loads(content)["resources"]
    http = cluster["health_checks"][0]["http_health_check"]
    assert http["expected_statuses"] == [{"start": 200, "end": 300}, {"start": 302, "end": 303}]
    assert http["retriable_statuses"] == [{"start": 100, "end": 600}]
    assert cluster["common_lb_config"]["healthy_panic_threshold"] == {"value": 0}


def test_files_come_in_the_order_in_which_they_refer_to_each_other() -> None:
    listeners: list[Listener] = [
        HttpListener("web", "127.0.0.1", 8080, (Route(Forward((("a/b", 1),))),)),
        TcpListener("db", "127.0.0.1", 5432, "a/b"),
    ]
    files = xds.files(Path("xds"), listeners, [Cluster("a/b", (Endpoint("127.0.0.9", 80),))])
    assert list(files) == ["eds_a%2Fb.json", "cds.json", "rds_web.json", "lds.json"]


def test_a_change_of_weights_leaves_the_listener_alone() -> None:
    before, after = (
        xds.files(
            Path("xds"),
            [HttpListener("web", "127.0.0.1", 80, (Route(Forward(weights)),))],
            [],
        )
        for weights in ((("blue", 1), ("green", 0)), (("blue", 0), ("green", 1)))
    )
    assert [name for name in before if before[name] != after[name]] == ["rds_web.json"]
