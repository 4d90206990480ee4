"""Translate the model to Envoy's resources: the content of a file-based xDS. No side effects.

https://www.envoyproxy.io/docs/envoy/v1.36.0/api-v3/api
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sandbox.runtime.envoy import routes
from sandbox.runtime.envoy.model import (
    Cluster,
    Endpoint,
    HealthCheck,
    HttpListener,
    Listener,
    TcpListener,
    Tls,
)

Resource = dict[str, Any]

# Envoy's own limits (1024 connections, pending and active requests) would fail a load test.
_NO_LIMIT = 1_000_000


def bootstrap(folder: Path, admin: tuple[str, int]) -> Resource:
    """Return the configuration that Envoy is started with. `folder`: where the xDS files are."""
    return {
        "node": {"id": "sandbox", "cluster": "sandbox"},
        "admin": {"address": _address(*admin)},
        "dynamic_resources": {
            "cds_config": _source(folder, "cds"),
            "lds_config": _source(folder, "lds"),
        },
        "stats_config": {
            "histogram_bucket_settings": [{"match": {"suffix": "upstream_rq_time"}, "buckets": _MILLISECONDS}]
        },
        "stats_flush_interval": "0.5s",  # histograms are a flush old
    }


def files(folder: Path, listeners: Iterable[Listener], clusters: Iterable[Cluster]) -> dict[str, str]:
    """Return file name -> JSON, in the order to publish.

    An endpoint file comes before its cluster, a cluster before the routes to it, routes before their listener.
    """
    listeners, clusters = list(listeners), list(clusters)
    http = [one for one in listeners if isinstance(one, HttpListener)]
    resources: dict[str, list[Resource]] = {
        **{_name("eds", one.name): [_assignment(one)] for one in clusters},
        _name("cds"): [_cluster(folder, one) for one in clusters],
        **{_name("rds", one.name): [routes.configuration(one)] for one in http},
        _name("lds"): [_listener(folder, one) for one in listeners],
    }
    return {name: json.dumps({"resources": content}) for name, content in resources.items()}


def _name(kind: str, resource: str = "") -> str:
    return f"{kind}_{quote(resource, safe='')}.json" if resource else f"{kind}.json"


def _source(folder: Path, kind: str, resource: str = "") -> Resource:
    return {
        "resource_api_version": "V3",
        "path_config_source": {
            "path": str(folder / _name(kind, resource)),
            "watched_directory": {"path": str(folder)},
        },
    }


def _cluster(folder: Path, cluster: Cluster) -> Resource:
    check = cluster.health_check
    return {
        "@type": _type("config.cluster.v3.Cluster"),
        "name": cluster.name,
        "type": "EDS",
        "eds_cluster_config": {"eds_config": _source(folder, "eds", cluster.name)},
        "lb_policy": cluster.policy,
        "connect_timeout": routes.seconds(cluster.connect_timeout),
        "common_lb_config": {
            # Below 1 % healthy all are used; 0 would never do so.
            "healthy_panic_threshold": {"value": int(cluster.fail_open)},
            # Marks an endpoint as pending until its first check has ended.
            "ignore_new_hosts_until_first_hc": True,
        },
        "ignore_health_on_host_removal": True,
        "health_checks": [_health_check(check)] if check else [],
        "circuit_breakers": {
            "thresholds": [
                {
                    "max_connections": _NO_LIMIT,
                    "max_pending_requests": _NO_LIMIT,
                    "max_requests": _NO_LIMIT,
                }
            ]
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": _type("extensions.upstreams.http.v3.HttpProtocolOptions"),
                "common_http_protocol_options": {"idle_timeout": routes.seconds(cluster.idle_timeout)},
                "explicit_http_config": {"http_protocol_options": {}},
            }
        },
    }


def _assignment(cluster: Cluster) -> Resource:
    check = cluster.health_check
    endpoints = [_endpoint(one, check.port if check else None) for one in cluster.endpoints]
    return {
        "@type": _type("config.endpoint.v3.ClusterLoadAssignment"),
        "cluster_name": cluster.name,
        "endpoints": [{"lb_endpoints": [{"endpoint": one} for one in endpoints]}],
    }


def _endpoint(endpoint: Endpoint, check_port: int | None) -> Resource:
    port = check_port or endpoint.port
    return {
        "address": _address(endpoint.address, endpoint.port),
        "health_check_config": {
            "hostname": f"{endpoint.host or endpoint.address}:{port}",
            **({"port_value": port} if check_port else {}),
        },
    }


def _health_check(check: HealthCheck) -> Resource:
    interval = routes.seconds(check.interval)
    shared = {
        "interval": interval,
        "no_traffic_interval": interval,  # else 60 s until the first request
        "timeout": routes.seconds(check.timeout),
        "healthy_threshold": check.healthy_threshold,
        "unhealthy_threshold": check.unhealthy_threshold,
    }
    if check.path is None:
        return {**shared, "tcp_health_check": {}}
    agent = {"header": {"key": "user-agent", "value": check.user_agent or "Envoy/HC"}}
    return {
        **shared,
        "http_health_check": {
            "path": check.path,
            "expected_statuses": [{"start": one.start, "end": one.stop} for one in check.codes],
            # Any other code counts towards the threshold; else the first one would be final.
            "retriable_statuses": [{"start": 100, "end": 600}],
            "request_headers_to_add": [{**agent, "append_action": routes.OVERWRITE}],
        },
    }


def _listener(folder: Path, listener: Listener) -> Resource:
    chain: Resource = {
        "filters": [
            _tcp_proxy(listener) if isinstance(listener, TcpListener) else _connection_manager(folder, listener)
        ]
    }
    if listener.tls:
        protocols = ["h2", "http/1.1"] if isinstance(listener, HttpListener) else []
        chain["transport_socket"] = _tls(listener.tls, protocols)
    return {
        "@type": _type("config.listener.v3.Listener"),
        "name": listener.name,
        "address": _address(listener.address, listener.port),
        "enable_reuse_port": False,  # an occupied port is an error, not a port shared by two
        "filter_chains": [chain],
    }


def _tcp_proxy(listener: TcpListener) -> Resource:
    return {
        "name": "tcp_proxy",
        "typed_config": {
            "@type": _type("extensions.filters.network.tcp_proxy.v3.TcpProxy"),
            "stat_prefix": listener.name,
            "cluster": listener.cluster,
            "idle_timeout": "0s",
        },
    }


def _connection_manager(folder: Path, listener: HttpListener) -> Resource:
    idle = routes.seconds(listener.idle_timeout)
    router = {"@type": _type("extensions.filters.http.router.v3.Router")}
    router_options = {"suppress_envoy_headers": True}
    return {
        "name": "http",
        "typed_config": {
            "@type": _type("extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"),
            "stat_prefix": listener.name,
            "rds": {
                "route_config_name": listener.name,
                "config_source": _source(folder, "rds", listener.name),
            },
            "use_remote_address": True,  # appends to X-Forwarded-For, sets X-Forwarded-Proto
            "generate_request_id": False,
            "server_name": listener.server,
            "server_header_transformation": "APPEND_IF_ABSENT",
            "stream_idle_timeout": idle,
            "common_http_protocol_options": {"idle_timeout": idle},
            "local_reply_config": {"mappers": [_BAD_GATEWAY]},
            "http_filters": [{"name": "router", "typed_config": {**router, **router_options}}],
        },
    }


def _tls(tls: Tls, protocols: list[str]) -> Resource:
    return {
        "name": "tls",
        "typed_config": {
            "@type": _type("extensions.transport_sockets.tls.v3.DownstreamTlsContext"),
            "common_tls_context": {
                "tls_params": {
                    "tls_minimum_protocol_version": tls.minimum,
                    "tls_maximum_protocol_version": tls.maximum,
                },
                "alpn_protocols": protocols,
                "tls_certificates": [
                    {
                        "certificate_chain": {"filename": str(one.certificate)},
                        "private_key": {"filename": str(one.key)},
                    }
                    for one in tls.identities
                ],
            },
        },
    }


def _address(address: str, port: int) -> Resource:
    return {"socket_address": {"address": address, "port_value": port}}


def _type(name: str) -> str:
    return f"type.googleapis.com/envoy.{name}"


# Upstream refused, reset or closed: 502 as from other load balancers; Envoy would say 503.
_BAD_GATEWAY: Resource = {
    "filter": {"response_flag_filter": {"flags": ["UF", "UC", "UR"]}},
    "status_code": 502,
}

# Each bound a sixth above the one before, up to an hour: percentiles are as exact as that.
_MILLISECONDS = sorted({round(1.17**i) for i in range(97)})
