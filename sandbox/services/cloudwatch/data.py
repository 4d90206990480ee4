"""GetMetricData: statistics of metrics by period, and metric math over them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.models import CloudWatchBackend, Statistics

from sandbox.services.cloudwatch import metric_math
from sandbox.services.cloudwatch import statistics as cloudwatch_statistics

Series = dict[datetime, Any]


def get_metric_data(
    original: Callable[..., list[dict[str, Any]]],
    self: CloudWatchBackend,
    queries: list[dict[str, Any]],
    start_time: datetime,
    end_time: datetime,
    scan_by: str = "TimestampAscending",
) -> list[dict[str, Any]]:
    """Return GetMetricData's results; refuse an unknown statistic.

    Periods begin at multiples of themselves, and the first one contains StartTime. A minute lasts as long as the minute
    in which metrics are written. moto refuses wrong times, and knows Metrics Insights queries.
    """
    for number, query in enumerate(queries, start=1):
        statistic = query.get("MetricStat", {}).get("Stat")
        if statistic is not None and not cloudwatch_statistics.known(statistic):
            raise ValidationError(unsupported(statistic, f"MetricDataQueries.member.{number}"))
    if start_time >= end_time or any(query.get("Expression", "").startswith("SELECT") for query in queries):
        return original(queries, start_time, end_time, scan_by)
    minute = getattr(self, "minute", 60.0)
    between = (_seconds(start_time), _seconds(end_time))
    data = _by_metric(self.get_all_metrics(), queries)
    found: dict[str, Series] = {
        query["Id"]: _series(data[_metric(query)], query["MetricStat"], minute, between)
        for query in queries
        if "MetricStat" in query
    }
    inputs = [{"id": name, "timestamps": list(one), "values": list(one.values())} for name, one in found.items()]
    for query in (query for query in queries if "Expression" in query):
        values, timestamps = parse_expression(query["Expression"], inputs)
        found[query["Id"]] = dict(zip(timestamps, values, strict=True))
    turned = -1 if scan_by == "TimestampDescending" else 1
    return [
        {
            "id": query["Id"],
            "label": query.get("Label") or _label(query),
            "values": list(found[query["Id"]].values())[::turned],
            "timestamps": list(found[query["Id"]])[::turned],
            "status_code": "Complete",
        }
        for query in queries
        if query.get("ReturnData", True)
    ]


def unsupported(statistic: str, where: str) -> str:
    """Return AWS's message for an unknown statistic."""
    return f"The value {statistic} for parameter {where}.MetricStat.Stat is not supported."


def parse_expression(expression: str, results: list[dict[str, Any]]) -> tuple[list[Any], list[datetime]]:
    """Return values and times of an expression over the results of other queries.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
    """
    series = {one["id"]: dict(zip(one["timestamps"], one["values"], strict=True)) for one in results}
    values: list[Any] = []
    timestamps: list[datetime] = []
    for moment in sorted({moment for one in series.values() for moment in one}):
        value = metric_math.evaluate(expression, {name: one.get(moment) for name, one in series.items()})
        if value is not None:
            values.append(value)
            timestamps.append(moment)
    return values, timestamps


def _label(query: Mapping[str, Any]) -> str:
    stat = query.get("MetricStat")
    return f"{stat['Metric']['MetricName']} {stat['Stat']}" if stat else str(query["Id"])


def _metric(query: Mapping[str, Any]) -> Any:
    """Return the key that identifies a query's metric."""
    metric = query["MetricStat"]["Metric"]
    dimensions = frozenset((one["Name"], one["Value"]) for one in metric.get("Dimensions", []))
    return metric["Namespace"], metric["MetricName"], dimensions


def _by_metric(data: Sequence[Any], queries: Sequence[Mapping[str, Any]]) -> Mapping[Any, list[Any]]:
    """Return the data of the requested metrics, by metric."""
    metrics = {_metric(query) for query in queries if "MetricStat" in query}
    names = {(namespace, name) for namespace, name, _ in metrics}
    found: dict[Any, list[Any]] = {metric: [] for metric in metrics}
    for datum in data:
        if (datum.namespace, datum.name) in names:
            dimensions = frozenset((one.name, one.value) for one in datum.dimensions)
            if (metric := (datum.namespace, datum.name, dimensions)) in found:
                found[metric].append(datum)
    return found


def _series(data: Sequence[Any], stat: Mapping[str, Any], minute: float, between: tuple[float, float]) -> Series:
    """Return a metric's values by the beginning of their period."""
    length, (begin, end) = float(stat["Period"]) / 60 * minute, between
    periods: dict[int, list[Any]] = defaultdict(list)
    for datum in data:
        at = _seconds(datum.timestamp)
        if begin // length * length <= at < end and stat.get("Unit") in (None, datum.unit):
            periods[int((at + 1e-6) // length)].append(datum)  # at is a multiple itself, but for its last bits
    return {at: value for at, value in _values(periods, stat["Stat"], length) if value is not None}


def _values(periods: Mapping[int, list[Any]], statistic: str, length: float) -> Iterator[tuple[datetime, Any]]:
    for number in sorted(periods):
        moment = datetime.fromtimestamp(number * length, UTC)
        statistics = Statistics([statistic], moment)
        statistics.metric_data = periods[number]
        yield moment, statistics.get_statistics_for_type(statistic)


def _seconds(at: datetime) -> float:
    """Return seconds since the epoch. moto's times have no zone and mean UTC."""
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
