"""Read health and statistics from Envoy's admin endpoint."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

TIMEOUT = 3.0


@dataclass(frozen=True, slots=True)
class EndpointHealth:
    """Health by active checks. `pending`: not checked yet; `timed_out`: why it is unhealthy."""

    healthy: bool
    pending: bool
    timed_out: bool


@dataclass(frozen=True, slots=True)
class ClusterStatistics:
    """Counters of one cluster since Envoy started.

    `completed`: answered requests, by the cluster or by Envoy in its place; `times`: number of answers by the upper
    bound of their time in milliseconds.

    Envoy answers 503 itself if there is no endpoint (`unserved`), if an endpoint refused the connection (`unconnected`)
    or closed it during a request (`broken`, also after the answer had begun). `silent`: requests of an HTTP listener
    that timed out.
    """

    requests: int = 0
    completed: int = 0
    responses_2xx: int = 0
    responses_3xx: int = 0
    responses_4xx: int = 0
    responses_5xx: int = 0
    responses_503: int = 0
    unserved: int = 0
    unconnected: int = 0
    broken: int = 0
    silent: int = 0
    connection_failures: int = 0
    active_requests: int = 0
    times: Mapping[float, int] = field(default_factory=dict)


_COUNTERS = {
    "upstream_rq_total": "requests",
    "upstream_rq_completed": "completed",
    "upstream_rq_2xx": "responses_2xx",
    "upstream_rq_3xx": "responses_3xx",
    "upstream_rq_4xx": "responses_4xx",
    "upstream_rq_5xx": "responses_5xx",
    "upstream_rq_503": "responses_503",
    "upstream_cx_none_healthy": "unserved",
    "upstream_rq_pending_failure_eject": "unconnected",
    "upstream_cx_destroy_remote_with_active_rq": "broken",
    "downstream_rq_idle_timeout": "silent",
    "upstream_cx_connect_fail": "connection_failures",
    "upstream_rq_active": "active_requests",
}
_TIME = "upstream_rq_time"


def get(admin: tuple[str, int], path: str) -> str:
    """Return the admin endpoint's answer. Raises OSError if there is none, or none with 200."""
    connection = http.client.HTTPConnection(*admin, timeout=TIMEOUT)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read().decode()
    except http.client.HTTPException as error:
        raise ConnectionError(f"Envoy's admin endpoint: {error!r}") from error
    finally:
        connection.close()
    if response.status != http.HTTPStatus.OK:
        raise ConnectionError(f"Envoy's admin endpoint: {response.status} for {path}")
    return body


def health(admin: tuple[str, int]) -> dict[str, dict[tuple[str, int], EndpointHealth]]:
    """Return the health of endpoints by cluster and by (address, port)."""
    content = json.loads(get(admin, "/clusters?format=json"))
    return {
        cluster["name"]: {_place(host): _health(host) for host in cluster.get("host_statuses", ())}
        for cluster in content.get("cluster_statuses", ())
    }


def statistics(admin: tuple[str, int]) -> dict[str, ClusterStatistics]:
    """Return counters by name of cluster or HTTP listener."""
    desired = rf"^(cluster|http)\..*\.({'|'.join([*_COUNTERS, _TIME])})$"
    path = f"/stats?format=json&histogram_buckets=disjoint&filter={quote(desired)}"
    found: dict[str, dict[str, Any]] = {}
    for stat in json.loads(get(admin, path))["stats"]:
        if "histograms" in stat:
            for cluster, times in _times(stat["histograms"]):
                found.setdefault(cluster, {})["times"] = times
        else:
            cluster, _, counter = stat["name"].partition(".")[2].rpartition(".")
            found.setdefault(cluster, {})[_COUNTERS[counter]] = int(stat["value"])
    return {cluster: ClusterStatistics(**values) for cluster, values in found.items()}


def _place(host: dict[str, Any]) -> tuple[str, int]:
    place = host["address"]["socket_address"]
    return place["address"], place["port_value"]


def _health(host: dict[str, Any]) -> EndpointHealth:
    status = host.get("health_status", {})
    return EndpointHealth(
        healthy=not status.get("failed_active_health_check", False),
        pending=status.get("pending_active_hc", False),
        timed_out=status.get("active_hc_timeout", False),
    )


def _times(histograms: list[dict[str, Any]]) -> Iterable[tuple[str, dict[float, int]]]:
    for one in histograms:
        cluster = one["name"].removeprefix("cluster.").removesuffix(f".{_TIME}")
        yield cluster, {float(b["upper_bound"]): int(b["cumulative"]) for b in one["buckets"] if b["cumulative"]}
