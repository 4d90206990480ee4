"""What load balancers did in a minute, as CloudWatch's metrics of them (pure).

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sandbox.runtime.envoy import ClusterStatistics

Dimensions = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Datum:
    """A metric's values in a minute: value -> how often."""

    namespace: str
    name: str
    dimensions: Dimensions
    unit: str
    values: Mapping[float, int]


def traffic(now: ClusterStatistics, before: ClusterStatistics, dimensions: Iterable[Dimensions]) -> Iterator[Datum]:
    """Requests, answers and response times between two looks at a target group, for each of the dimensions.

    A request for which there was no target is none of the group's; one whose target broke off is, without an answer.
    Like AWS, it tells of counts only when they are not 0.
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
    """What a load balancer answered itself in place of a target group, or at a listener: AWS counts it for no group."""
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
    """From where to count: from nothing once Envoy was restarted."""
    restarted = now.completed < before.completed or now.silent < before.silent
    return ClusterStatistics() if restarted else before


def _own_answers(now: ClusterStatistics, earlier: ClusterStatistics) -> tuple[int, int]:
    """How many requests found no target, and of how many a target refused the connection or broke it off.

    Envoy counts both as 503. It also counts as broken what broke off after an answer had begun, hence the smaller one.
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
    """(seconds, how often), from counts of a histogram by upper bounds in milliseconds: its middles."""
    low = 0.0
    for bound in sorted(now):
        count = now[bound] - before.get(bound, 0)
        if count > 0:
            yield round((low + bound) / 2 / 1000, 6), count
        low = bound
