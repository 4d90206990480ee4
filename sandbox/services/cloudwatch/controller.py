"""Reconcile CloudWatch: write metrics of what runs each AWS minute, and evaluate alarms on them.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain, takewhile
from typing import Any

from moto.cloudwatch.models import Statistics

from sandbox.control.context import Sandbox
from sandbox.control.isolation import Isolation
from sandbox.runtime.envoy import ClusterStatistics
from sandbox.services.cloudwatch import metric_math
from sandbox.services.cloudwatch.alarms import Criteria, alarm_state
from sandbox.services.cloudwatch.api import Distribution
from sandbox.services.cloudwatch.traffic import Datum, Dimensions, own_answers, traffic
from sandbox.services.cloudwatch.utilization import Utilization
from sandbox.services.ecs.launch import all_tasks
from sandbox.services.elbv2 import envoy as elbv2_envoy
from sandbox.services.eventbridge import emit

#: real time that metrics are kept; AWS keeps them for 15 months
KEPT = timedelta(hours=2)


class CloudWatchController:
    """Write metrics into moto's CloudWatch, and evaluate the alarms."""

    name = "cloudwatch"

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._minute = self._now()
        self._before: dict[str, ClusterStatistics] = {}
        self._utilization = Utilization()
        self._isolation = Isolation()

    def reconcile(self) -> None:
        minute = self._now()
        if minute == self._minute:
            return
        self._minute = minute
        try:
            statistics = self._sandbox.envoy.statistics()
        except OSError:  # Envoy is being restarted: no news
            statistics = {}
        with self._sandbox.state.lock:
            self._measure(statistics, self._moment(minute - 1))
            for account, region, backend in self._sandbox.state.backends("cloudwatch"):
                for alarm in list(backend.alarms.values()):
                    if alarm.rule is None:
                        with self._isolation.isolate(alarm.alarm_arn):
                            self._evaluate(account, region, backend.metric_data, alarm)

    def close(self) -> None:
        pass

    def _now(self) -> int:
        """Return AWS minutes since the epoch, as long as they last here."""
        return math.floor(time.time() / self._sandbox.clock.minute)

    def _moment(self, minute: int) -> datetime:
        return datetime.fromtimestamp(minute * self._sandbox.clock.minute, UTC)

    # Metrics

    def _measure(self, statistics: dict[str, ClusterStatistics], at: datetime) -> None:
        state = self._sandbox.state
        for account, region, elb in list(state.backends("elbv2")):
            self._put(account, region, chain(self._balancing(elb, statistics), self._own(elb, statistics)), at)
        if statistics:
            self._before = statistics
        for account, region, ecs in list(state.backends("ecs")):
            tasks = [t for cluster in ecs.clusters for t in all_tasks(ecs, cluster) if t.group.startswith("service:")]
            if tasks:
                self._put(account, region, self._utilization.measure(tasks), at)

    def _balancing(self, elb: Any, statistics: dict[str, ClusterStatistics]) -> Iterator[Datum]:
        for group in elb.target_groups.values():
            target = ("TargetGroup", group.arn.rpartition(":")[2])
            balancers = [("LoadBalancer", arn.partition(":loadbalancer/")[2]) for arn in group.load_balancer_arns]
            both: list[Dimensions] = [(target, balancer) for balancer in balancers]
            cluster = elbv2_envoy.name(group.arn)
            if cluster in statistics and cluster in self._before:
                alone: list[Dimensions] = [(balancer,) for balancer in balancers]
                yield from traffic(statistics[cluster], self._before[cluster], [*both, *alone])
            health = Counter(
                known.state for (arn, _, _), known in self._sandbox.status.target_health.items() if arn == group.arn
            )
            for dimensions in both:
                for metric, count in (("HealthyHostCount", "healthy"), ("UnHealthyHostCount", "unhealthy")):
                    yield Datum("AWS/ApplicationELB", metric, dimensions, "Count", {float(health[count]): 1})

    def _own(self, elb: Any, statistics: dict[str, ClusterStatistics]) -> Iterator[Datum]:
        """Yield the metrics of what load balancers answered themselves, for a target group or at a listener."""
        for balancer in elb.load_balancers.values():
            dimensions = (("LoadBalancer", balancer.arn.partition(":loadbalancer/")[2]),)
            groups = (group.arn for group in elb.target_groups.values() if balancer.arn in group.load_balancer_arns)
            for one in map(elbv2_envoy.name, [*groups, *balancer.listeners]):
                if one in statistics and one in self._before:
                    yield from own_answers(statistics[one], self._before[one], dimensions)

    def _put(self, account: str, region: str, data: Iterator[Datum], at: datetime) -> None:
        backend = self._sandbox.state.backend("cloudwatch", account, region)
        backend.minute = self._sandbox.clock.minute  # the unit of its queries' periods
        naive = at.replace(tzinfo=None)  # as moto keeps and compares them
        backend.metric_data += [
            Distribution(one.namespace, one.name, one.dimensions, naive, one.unit, one.values) for one in data
        ]
        oldest = at - KEPT
        if backend.metric_data and _aware(backend.metric_data[0].timestamp) < oldest:
            backend.metric_data = [one for one in backend.metric_data if _aware(one.timestamp) >= oldest]

    # Alarms

    def _evaluate(self, account: str, region: str, metrics: list[Any], alarm: Any) -> None:
        periods = int(alarm.evaluation_periods)
        criteria = Criteria(
            comparison=alarm.comparison_operator,
            threshold=float(alarm.threshold),
            periods=periods,
            datapoints=int(alarm.datapoints_to_alarm or periods),
            missing=alarm.treat_missing_data or "missing",
        )
        recent = self._recent(metrics, alarm, criteria.window)
        values = [self._value(recent, alarm, ago) for ago in range(criteria.window, 0, -1)]
        before = alarm.state_value
        after = alarm_state(criteria, values, before)
        if after == before:
            return
        known = [f"{value:g}" for value in values if value is not None]
        reason = f"Threshold Crossed: {len(known)} datapoints [{', '.join(known)}] against {criteria.threshold:g}."
        alarm.update_state(reason, "{}", after)
        emit(
            account,
            region,
            source="aws.cloudwatch",
            detail_type="CloudWatch Alarm State Change",
            resources=[alarm.alarm_arn],
            detail={
                "alarmName": alarm.name,
                "state": {"value": after, "reason": reason},
                "previousState": {"value": before},
            },
        )
        self._sandbox.state.changed.set()

    def _recent(self, metrics: list[Any], alarm: Any, window: int) -> list[Any]:
        """Return the data that the alarm may need; metrics are stored roughly in the order of time."""
        minutes = max(1, round(_seconds(alarm) / 60))
        since = self._moment(self._minute - minutes * window - 1)
        return list(takewhile(lambda one: _aware(one.timestamp) >= since, reversed(metrics)))

    def _value(self, recent: list[Any], alarm: Any, ago: int) -> float | None:
        """Return the alarm's value in a past period; 1 is the one that has just ended."""
        if not alarm.metric_data_queries:
            statistic = alarm.statistic or alarm.extended_statistic
            data = self._data(recent, alarm.namespace, alarm.metric_name, alarm.dimensions, alarm.period, ago)
            return _figure(data, statistic)
        values: dict[str, float | None] = {}
        for query in (one for one in alarm.metric_data_queries if not one.expression):
            metric, stat = query.metric_stat.metric, query.metric_stat
            data = self._data(recent, metric.namespace, metric.metric_name, metric.dimensions, stat.period, ago)
            values[query.id] = _figure(data, stat.stat)
        expressions = {one.id: one.expression for one in alarm.metric_data_queries if one.expression}
        values |= metric_math.evaluate_all(expressions, values)
        watched = [one.id for one in alarm.metric_data_queries if one.return_data is None or one.return_data]
        return values[watched[-1]] if watched else None

    def _data(
        self, recent: list[Any], namespace: str, name: str, dimensions: list[Any], period: float, ago: int
    ) -> list[Any]:
        minutes = max(1, round(float(period) / 60))
        end = self._moment(self._minute - minutes * (ago - 1))
        begin = self._moment(self._minute - minutes * ago)
        desired = {(one.name, one.value) for one in dimensions}
        return [
            one
            for one in recent
            if one.name == name
            and one.namespace == namespace
            and begin <= _aware(one.timestamp) < end
            and {(d.name, d.value) for d in one.dimensions} == desired
        ]


def _seconds(alarm: Any) -> float:
    """Return the alarm's period; with metric math, the longest period of its metrics."""
    stats = [query.metric_stat for query in alarm.metric_data_queries if query.metric_stat]
    return max((float(stat.period) for stat in stats), default=float(alarm.period or 60))


def _figure(data: list[Any], statistic: str) -> float | None:
    if not data:
        return None
    statistics = Statistics([statistic], data[0].timestamp)
    statistics.metric_data = data
    value = statistics.get_statistics_for_type(statistic)
    return None if value is None else float(value)


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
