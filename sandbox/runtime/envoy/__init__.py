"""One Envoy for all listeners of the sandbox: HTTP load balancers and TCP endpoints.

`Envoy.set(owner, listeners, clusters)` states an owner's share; Envoy follows without a restart.
"""

from sandbox.runtime.envoy.admin import ClusterStatistics, EndpointHealth
from sandbox.runtime.envoy.model import (
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
    Tls,
)
from sandbox.runtime.envoy.server import Envoy

__all__ = [
    "Cluster",
    "ClusterStatistics",
    "Endpoint",
    "EndpointHealth",
    "Envoy",
    "FixedResponse",
    "Forward",
    "HealthCheck",
    "HttpListener",
    "Listener",
    "Match",
    "Redirect",
    "Route",
    "TcpListener",
    "Tls",
]
