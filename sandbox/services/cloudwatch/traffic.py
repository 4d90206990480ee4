"""CloudWatch's metrics of load balancers, from Envoy's counters of a minute. No side effects.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sandbox.runtime.envoy import ClusterStatistics

Dimensions = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Datum:
    """A metric's values in a minute: value -> number of samples."""

    namespace: str
    name: str
    dimensions: Dimensions
    unit: str
    values: Mapping[float, int]


def traffic(now: ClusterStatistics, before: ClusterStatistics, dimensions: Iterable[Dimensions]) -> Iterator[Datum]:
    """Yield requests, answers and response times between two readings of a target group, by dimensions.

    A request without a target does not count for the group. A request whose target closed the connection counts,
    without an answer. Like AWS, it yields counts only if they are not 0.
    """
    earlier = _since(now, before)
    unserved, broken = _own_answers(now, earlier)
    sent = now.requests + now.unconnected - earlier.requests - earlier.unconnected
    counts = {
        "RequestCount": sent,
        "HTTPCode_Target_2XX_Count": now.responses_2xx - earlier.responses_2xx,
        "HTTPCode_Target_3XX_Count": now.responses_3xx - earlier.responses_3xx,
        "HTTPCode_Target_4XX_Count": now.responses_4xx - earlier.responses_4xx,
        "HTTPCode_Target_5XX_Count": now.responses_5xx - earlier.responses_5xx - unserved - broken,
        "TargetConnectionErrorCount": now.connection_failures - earlier.connection_failures,
    }
    times = dict(response_times(now.times, earlier.times))
    for one in dimensions:
        yield from _counted(counts, one)
        if times:
            yield Datum("AWS/ApplicationELB", "TargetResponseTime", one, "Seconds", times)


def own_answers(now: ClusterStatistics, before: ClusterStatistics, balancer: Dimensions) -> Iterator[Datum]:
    """Yield what a load balancer answered itself; AWS counts it for no target group."""
    earlier = _since(now, before)
    unserved, broken = _own_answers(now, earlier)
    silent = now.silent - earlier.silent
    counts = {
        "HTTPCode_ELB_502_Count": broken,
        "HTTPCode_ELB_503_Count": unserved,
        "HTTPCode_ELB_504_Count": silent,
        "HTTPCode_ELB_5XX_Count": broken + unserved + silent,
    }
    yield from _counted(counts, balancer)


def _since(now: ClusterStatistics, before: ClusterStatistics) -> ClusterStatistics:
    """Return the counters to subtract: none if Envoy has been restarted."""
    restarted = now.completed < before.completed or now.silent < before.silent
    return ClusterStatistics() if restarted else before


def _own_answers(now: ClusterStatistics, earlier: ClusterStatistics) -> tuple[int, int]:
    """Return how many requests found no target, and how many a target refused or closed.

    Envoy counts both as 503. It also counts as broken what closed after an answer had begun, hence the smaller number.
    """
    unserved = now.unserved - earlier.unserved
    others = now.responses_503 - earlier.responses_503 - unserved
    lost = now.unconnected + now.broken - earlier.unconnected - earlier.broken
    return unserved, min(others, lost)


def _counted(counts: Mapping[str, int], dimensions: Dimensions) -> Iterator[Datum]:
    for name, count in counts.items():
        if count > 0:
            yield Datum("AWS/ApplicationELB", name, dimensions, "Count", {float(count): 1})


def response_times(now: Mapping[float, int], before: Mapping[float, int]) -> Iterator[tuple[float, int]]:
    """Yield (seconds, count) at the middle of each bucket of a histogram in milliseconds."""
    low = 0.0
    for bound in sorted(now):
        count = now[bound] - before.get(bound, 0)
        if count > 0:
            yield round((low + bound) / 2 / 1000, 6), count
        low = bound
