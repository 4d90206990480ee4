"""The model of Envoy's configuration that callers use. `xds` translates it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from sandbox.runtime.certificates import Identity

TlsVersion = Literal["TLSv1_0", "TLSv1_1", "TLSv1_2", "TLSv1_3"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server of a cluster. `host`: the Host header (without port) of its health checks."""

    address: str
    port: int
    host: str = ""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """An active check: GET `path` must answer one of `codes`; without a path, the connection must succeed.

    One success makes a new endpoint healthy; after that the thresholds count checks in a row. `interval` and `timeout`
    in seconds; `port` if it differs from the endpoint's.
    """

    path: str | None = None
    interval: float = 30.0
    timeout: float = 5.0
    healthy_threshold: int = 5
    unhealthy_threshold: int = 2
    codes: tuple[range, ...] = (range(200, 201),)
    port: int | None = None
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Servers that share the requests.

    Remove an endpoint to drain it: it gets no new requests, and those under way may finish. `fail_open`: if no endpoint
    is healthy, use all of them instead of none. `idle_timeout`: seconds that an unused HTTP connection is kept.
    """

    name: str
    endpoints: tuple[Endpoint, ...] = ()
    health_check: HealthCheck | None = None
    fail_open: bool = False
    policy: Literal["ROUND_ROBIN", "LEAST_REQUEST", "RANDOM"] = "ROUND_ROBIN"
    connect_timeout: float = 5.0
    idle_timeout: float = 60.0


@dataclass(frozen=True, slots=True)
class Match:
    """Conditions that must all hold; within one, any value is enough, with wildcards `*` and `?`.

    Paths are case-sensitive, all else is not. `headers`: name -> values, a condition each; `queries`: groups of (key,
    or None for any key; value), a condition each.
    """

    paths: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    headers: tuple[tuple[str, tuple[str, ...]], ...] = ()
    queries: tuple[tuple[tuple[str | None, str], ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Forward:
    """Forward to clusters, given as (name, weight), in proportion to their weights.

    sticky_seconds: how long a client that keeps cookies stays with its cluster, whatever the weights are;
    sticky_cookie: the name of that cookie.
    """

    clusters: tuple[tuple[str, int], ...]
    sticky_seconds: int = 0
    sticky_cookie: str = "cluster"


@dataclass(frozen=True, slots=True)
class Redirect:
    """Redirect the client; None keeps that part of the request's URL.

    `path` may hold `{path}`, the requested path without its leading slash.
    """

    status: Literal[301, 302] = 301
    scheme: Literal["http", "https"] | None = None
    host: str | None = None
    port: int | None = None
    path: str | None = None
    keep_query: bool = True


@dataclass(frozen=True, slots=True)
class FixedResponse:
    """A response of Envoy itself."""

    status: int
    body: str = ""
    content_type: str = "text/plain"


Action = Forward | Redirect | FixedResponse


@dataclass(frozen=True, slots=True)
class Route:
    """An action for the requests that match."""

    action: Action
    match: Match = field(default_factory=Match)


@dataclass(frozen=True, slots=True)
class Tls:
    """TLS termination, by the identity whose names match the client's SNI, else by the first."""

    identities: tuple[Identity, ...]
    minimum: TlsVersion = "TLSv1_2"
    maximum: TlsVersion = "TLSv1_3"


@dataclass(frozen=True, slots=True)
class HttpListener:
    """A listener for HTTP/1.1, and with TLS also HTTP/2. The first route that matches counts; else 404.

    `public_port`: the port in X-Forwarded-Port. `idle_timeout`: seconds without a byte until a connection is closed, or
    a request is answered 504.
    """

    name: str
    address: str
    port: int
    routes: tuple[Route, ...]
    tls: Tls | None = None
    public_port: int | None = None
    idle_timeout: float = 60.0
    server: str = "envoy"


@dataclass(frozen=True, slots=True)
class TcpListener:
    """A listener that passes bytes on to a cluster, after TLS termination if it has `tls`."""

    name: str
    address: str
    port: int
    cluster: str
    tls: Tls | None = None


Listener = HttpListener | TcpListener
