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

    Like AWS, it tells of counts only when they are not 0. Envoy does not tell its own 502 and 503 from a
    target's: all of them count as the target's.
    """
    restarted = now.completed < before.completed
    earlier = ClusterStatistics() if restarted else before
    counts = {
        "RequestCount": now.completed - earlier.completed,
        "HTTPCode_Target_2XX_Count": now.responses_2xx - earlier.responses_2xx,
        "HTTPCode_Target_3XX_Count": now.responses_3xx - earlier.responses_3xx,
        "HTTPCode_Target_4XX_Count": now.responses_4xx - earlier.responses_4xx,
        "HTTPCode_Target_5XX_Count": now.responses_5xx - earlier.responses_5xx,
        "TargetConnectionErrorCount": now.connection_failures - earlier.connection_failures,
    }
    times = dict(response_times(now.times, earlier.times))
    for one in dimensions:
        for name, count in counts.items():
            if count > 0:
                yield Datum("AWS/ApplicationELB", name, one, "Count", {float(count): 1})
        if times:
            yield Datum("AWS/ApplicationELB", "TargetResponseTime", one, "Seconds", times)


def response_times(now: Mapping[float, int], before: Mapping[float, int]) -> Iterator[tuple[float, int]]:
    """(seconds, how often), from counts of a histogram by upper bounds in milliseconds: its middles."""
    low = 0.0
    for bound in sorted(now):
        count = now[bound] - before.get(bound, 0)
        if count > 0:
            yield round((low + bound) / 2 / 1000, 6), count
        low = bound
