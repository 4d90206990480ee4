"""CloudWatch: percentiles and their ranks, metric math, and alarms with a state and a history of their own.

Pages named API_*.html are those of https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from moto.cloudwatch import models
from moto.cloudwatch.exceptions import InvalidParameterValue, ValidationError
from moto.cloudwatch.models import (
    Alarm,
    CloudWatchBackend,
    Dimension,
    MetricAggregatedDatum,
    MetricDatum,
    Statistics,
)
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult
from moto.core.utils import utcnow

from sandbox.aws_api.patch import behaviour, operation
from sandbox.services.cloudwatch import statistics as cloudwatch_statistics
from sandbox.services.cloudwatch.data import get_metric_data, parse_expression, unsupported

HISTORY = 100
METRICS = 10  # that an alarm may retrieve, and expressions that it may have


class Distribution(MetricAggregatedDatum):  # type: ignore[misc]  # moto is untyped
    """A metric's samples in a period: value -> number of samples."""

    def __init__(
        self,
        namespace: str,
        name: str,
        dimensions: tuple[tuple[str, str], ...],
        timestamp: datetime,
        unit: str,
        values: Mapping[float, int],
    ) -> None:
        self.values = values
        super().__init__(
            namespace,
            name,
            min_stat=min(values),
            max_stat=max(values),
            sample_count=float(sum(values.values())),
            sum_stat=sum(value * count for value, count in values.items()),
            dimensions=[{"Name": key, "Value": value} for key, value in dimensions],
            timestamp=timestamp,
            unit=unit,
        )


def install() -> None:
    """Attach CloudWatch's patches."""
    for change in (put_metric_alarm, delete_alarms, get_metric_data):
        behaviour(CloudWatchBackend)(change)
    behaviour(Statistics)(get_statistics_for_type)
    Statistics.extended_statistics = property(extended_statistics)
    models.parse_expression = parse_expression
    Dimension.__lt__ = comes_before
    for patch in (get_metric_statistics, describe_alarm_history):
        operation(CloudWatchResponse)(patch)
    operation(Alarm)(update_state)


def comes_before(self: Dimension, other: Dimension) -> bool:
    """Compare dimensions so that their order in a query does not matter. API_Metric.html"""
    return (self.name, self.value) < (other.name, other.value)


def put_metric_alarm(original: Callable[..., Alarm], self: CloudWatchBackend, name: str, **desired: Any) -> Alarm:
    """Create an alarm in INSUFFICIENT_DATA, or update one, which keeps its state and its tags.

    Its extended statistic may be a percentile rank. Of its queries 10 may retrieve a metric and 10 be expressions.
    API_PutMetricAlarm.html, API_MetricDataQuery.html
    """
    before = self.alarms.get(name)
    if before:
        desired["tags"] = None
    statistic = desired.pop("extended_statistic", None)
    if statistic and not cloudwatch_statistics.known(statistic):
        raise InvalidParameterValue(f"The value {statistic} for parameter ExtendedStatistic is not supported.")
    _fits(desired.get("metric_data_queries") or [])
    alarm = original(name=name, **desired)
    alarm.extended_statistic = statistic
    if before:
        for field in ("state_value", "state_reason", "state_reason_data", "state_updated_timestamp", "history"):
            setattr(alarm, field, getattr(before, field))
    else:
        alarm.state_value = "INSUFFICIENT_DATA"
    return alarm


def _fits(queries: list[Any]) -> None:
    """Refuse queries that an alarm may not have. API_MetricDataQuery.html"""
    retrieving = [query.metric_stat for query in queries if query.metric_stat]
    if len(retrieving) > METRICS or len(queries) - len(retrieving) > METRICS:
        raise ValidationError(f"An alarm may have {METRICS} metrics and {METRICS} expressions.")
    for number, stat in enumerate(retrieving, start=1):
        if not cloudwatch_statistics.known(stat.stat):
            raise ValidationError(unsupported(stat.stat, f"Metrics.member.{number}"))


def delete_alarms(original: Callable[[list[str]], None], self: CloudWatchBackend, alarm_names: list[str]) -> None:
    """Delete alarms with their tags: a later alarm of the same name begins without. API_DeleteAlarms.html"""
    for alarm in (self.alarms[name] for name in alarm_names if name in self.alarms):
        self.tagger.delete_all_tags_for_resource(alarm.alarm_arn)
    original(alarm_names)


def update_state(self: Alarm, reason: str, reason_data: str, state_value: str) -> None:
    """Add a change of state to the history; the same state again adds nothing. API_AlarmHistoryItem.html"""
    if state_value != self.state_value:
        item = {
            "AlarmName": self.name,
            "AlarmType": "CompositeAlarm" if self.rule else "MetricAlarm",
            "Timestamp": utcnow(),
            "HistoryItemType": "StateUpdate",
            "HistorySummary": f"Alarm updated from {self.state_value} to {state_value}",
            "HistoryData": json.dumps(
                {
                    "version": "1.0",
                    "oldState": {"stateValue": self.state_value, "stateReason": self.state_reason},
                    "newState": {"stateValue": state_value, "stateReason": reason},
                }
            ),
        }
        self.history = [item, *self.history][:HISTORY]
        self.state_updated_timestamp = utcnow()
    self.state_reason, self.state_reason_data, self.state_value = reason, reason_data, state_value


def describe_alarm_history(self: CloudWatchResponse) -> ActionResult:
    """Return DescribeAlarmHistory's items, the latest first. API_DescribeAlarmHistory.html"""
    name, kind = self._get_param("AlarmName"), self._get_param("HistoryItemType")
    begin, end = self._get_param("StartDate"), self._get_param("EndDate")
    items = [
        item
        for alarm in self.cloudwatch_backend.alarms.values()
        for item in alarm.history
        if name in (None, alarm.name)
        and kind in (None, item["HistoryItemType"])
        and (begin is None or item["Timestamp"] >= begin.replace(tzinfo=None))
        and (end is None or item["Timestamp"] <= end.replace(tzinfo=None))
    ]
    items.sort(key=lambda item: item["Timestamp"], reverse=self._get_param("ScanBy") != "TimestampAscending")
    return ActionResult({"AlarmHistoryItems": items[: int(self._get_param("MaxRecords") or HISTORY)]})


def get_metric_statistics(self: CloudWatchResponse) -> ActionResult:
    """Return GetMetricStatistics' datapoints, with percentiles. API_GetMetricStatistics.html"""
    extended = self._get_param("ExtendedStatistics") or []
    if wrong := [stat for stat in extended if not cloudwatch_statistics.known(stat)]:
        raise InvalidParameterValue(f"The value {wrong[0]} for parameter ExtendedStatistics is not supported.")
    found = self.cloudwatch_backend.get_metric_statistics(
        self._get_param("Namespace"),
        self._get_param("MetricName"),
        self._get_param("StartTime"),
        self._get_param("EndTime"),
        int(self._get_param("Period")),
        [*(self._get_param("Statistics") or []), *extended],
        unit=self._get_param("Unit"),
        dimensions=self._get_param("Dimensions", []),
    )
    return ActionResult({"Label": self._get_param("MetricName"), "Datapoints": found})


def get_statistics_for_type(original: Callable[[str], Any], self: Statistics, stat: str) -> Any:
    """Return a statistic's value, for percentiles (p50, p99.9) and percentile ranks (PR(:0.3)) too."""
    if stat in cloudwatch_statistics.SIMPLE:
        return original(stat)
    return cloudwatch_statistics.extended(stat, samples(self.metric_data))


def extended_statistics(self: Statistics) -> dict[str, Any] | None:
    """Return the requested percentiles and ranks."""
    desired = [stat for stat in self.stats if stat not in cloudwatch_statistics.SIMPLE]
    return {stat: self.get_statistics_for_type(stat) for stat in desired} or None


def samples(data: list[Any]) -> Counter[float]:
    """Return all samples of some datums together; aggregated ones without samples count as their mean."""
    total: Counter[float] = Counter()
    for datum in data:
        match datum:
            case Distribution():
                total.update(datum.values)
            case MetricDatum():
                total[datum.value] += 1
            case _:
                total[datum.sum / datum.sample_count] += int(datum.sample_count)
    return total
