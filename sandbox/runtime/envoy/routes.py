"""Translate the routes of an HTTP listener to Envoy's route configuration. No side effects."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sandbox.runtime.envoy.model import (
    Action,
    FixedResponse,
    Forward,
    HttpListener,
    Match,
    Redirect,
    Route,
)

OVERWRITE = "OVERWRITE_IF_EXISTS_OR_ADD"
APPEND = "APPEND_IF_EXISTS_OR_ADD"
_REDIRECT_CODES = {301: "MOVED_PERMANENTLY", 302: "FOUND"}


def configuration(listener: HttpListener) -> dict[str, Any]:
    """Return the RouteConfiguration with the listener's name."""
    port = {"key": "x-forwarded-port", "value": str(listener.public_port or listener.port)}
    return {
        "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        "name": listener.name,
        "request_headers_to_add": [{"header": port, "append_action": OVERWRITE}],
        "request_headers_to_remove": ["x-envoy-external-address", "x-envoy-internal"],
        # Priorities run across hosts, so hosts are conditions here and not virtual hosts.
        "virtual_hosts": [
            {"name": "all", "domains": ["*"], "routes": [made for one in listener.routes for made in _routes(one)]}
        ],
    }


def seconds(value: float) -> str:
    """Return a duration as protobuf's JSON writes it."""
    return f"{value:.3f}s"


def _routes(route: Route) -> Iterator[dict[str, Any]]:
    """Yield the route, after one for each cluster to which a client's cookie may bind it."""
    match = _match(route.match)
    if isinstance(route.action, Forward) and route.action.sticky_seconds:
        for name, _ in route.action.clusters:
            bound = _header("cookie", f"(.*;)? *{route.action.sticky_cookie}={_bond(name)} *(;.*)?")
            yield {
                "match": {**match, "headers": [*match["headers"], bound]},
                **_action(replace(route.action, clusters=((name, 1),))),
            }
    yield {"match": match, **_action(route.action)}


def _bond(cluster: str) -> str:
    """Return the value of the cookie that binds a client to a cluster."""
    return hashlib.sha256(cluster.encode()).hexdigest()


def _match(match: Match) -> dict[str, Any]:
    conditions = [
        *([_header(":authority", _any(match.hosts, suffix=r"(:\d+)?"))] if match.hosts else []),
        *([_header(":method", _any(match.methods))] if match.methods else []),
        *(_header(name, _any(values)) for name, values in match.headers),
        *(_header(":path", _query(values)) for values in match.queries),
    ]
    if not match.paths or "/*" in match.paths or "*" in match.paths:
        return {"prefix": "/", "headers": conditions}
    return {"safe_regex": {"regex": _any(match.paths, flags="")}, "headers": conditions}


def _header(name: str, regex: str) -> dict[str, Any]:
    return {"name": name, "string_match": {"safe_regex": {"regex": regex}}}


def _any(patterns: tuple[str, ...], *, flags: str = "(?i)", suffix: str = "") -> str:
    return f"{flags}({'|'.join(map(_wildcard, patterns))}){suffix}"


def _query(values: tuple[tuple[str | None, str], ...]) -> str:
    pairs = ((_wildcard(key, "[^&=]") if key else "[^&=]*") + "=" + _wildcard(value, "[^&]") for key, value in values)
    return rf"(?i)[^?]*\?([^&]*&)*({'|'.join(pairs)})(&.*)?"


def _wildcard(pattern: str, character: str = ".") -> str:
    """Return a regular expression: `*` is any number of characters, `?` is exactly one."""
    wild = {"*": f"{character}*", "?": character}
    return "".join(wild.get(char) or re.escape(char) for char in pattern)


def _action(action: Action) -> dict[str, Any]:
    match action:
        case Forward():
            return _forward(action)
        case Redirect():
            return {"redirect": _redirect(action)}
        case FixedResponse():
            kind = {"key": "content-type", "value": action.content_type}
            return {
                "direct_response": {
                    "status": action.status,
                    "body": {"inline_string": action.body},
                },
                "response_headers_to_add": [{"header": kind, "append_action": OVERWRITE}],
            }


def _forward(action: Forward) -> dict[str, Any]:
    if not any(weight for _, weight in action.clusters):
        return {"direct_response": {"status": 503}}  # Envoy refuses weights that sum up to 0
    clusters = [{"name": name, "weight": weight, **_binding(name, action)} for name, weight in action.clusters]
    # No timeout for a whole request: the idle timeout is what ends one. No retries: they hide.
    return {"route": {"weighted_clusters": {"clusters": clusters}, "timeout": "0s"}}


def _binding(cluster: str, action: Forward) -> dict[str, Any]:
    if not action.sticky_seconds:
        return {}
    value = f"{action.sticky_cookie}={_bond(cluster)}; Max-Age={action.sticky_seconds}; Path=/"
    return {"response_headers_to_add": [{"header": {"key": "set-cookie", "value": value}, "append_action": APPEND}]}


def _redirect(action: Redirect) -> dict[str, Any]:
    redirect: dict[str, Any] = {
        "response_code": _REDIRECT_CODES[action.status],
        "strip_query": not action.keep_query,
    }
    if action.scheme:
        redirect["scheme_redirect"] = action.scheme
    if action.host:
        redirect["host_redirect"] = action.host
    if action.port:
        redirect["port_redirect"] = action.port
    if action.path is not None:
        literal = action.path.replace("\\", r"\\")
        redirect["regex_rewrite"] = {
            "pattern": {"regex": "^/(.*)$"},
            "substitution": literal.replace("{path}", r"\1"),
        }
    return redirect
