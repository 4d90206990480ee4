"""Figures of each colour's requests, and of the CPU behind them, from CloudWatch.

docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ops.release.sample import Minute, Minutes, Sample

Series = dict[datetime, float]

PERIOD = 60
METRICS = {  # our name -> AWS's metric of a target group, and the statistic
    "requests": ("RequestCount", "Sum"),
    "c2xx": ("HTTPCode_Target_2XX_Count", "Sum"),
    "c3xx": ("HTTPCode_Target_3XX_Count", "Sum"),
    "c4xx": ("HTTPCode_Target_4XX_Count", "Sum"),
    "c5xx": ("HTTPCode_Target_5XX_Count", "Sum"),
    "timed": ("TargetResponseTime", "SampleCount"),
    "p95": ("TargetResponseTime", "p95"),
}
ANSWERS = ("c2xx", "c3xx", "c4xx", "c5xx")


def minutes(
    cloudwatch: Any, load_balancer: str, groups: Mapping[str, str], since: datetime, now: datetime
) -> dict[str, Minutes]:
    """Return minutes by colour since that moment, of target groups by colour: ARNs, or what CloudWatch knows them by.

    AWS rounds the beginning down to the whole minute. The newest one or two minutes are not there yet, or only in
    part: `of_group` counts what is complete, so a later request sees more, never something else.
    """
    balancer = {"LoadBalancer": suffix(load_balancer)}
    queries = [query("own", "AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", balancer, "Sum")]
    for colour, group in groups.items():
        dimensions = balancer | {"TargetGroup": suffix(group)}
        queries += [
            query(f"{colour}_{name}", "AWS/ApplicationELB", metric, dimensions, statistic)
            for name, (metric, statistic) in METRICS.items()
        ]
    found = ask(cloudwatch, queries, since, now)
    return {
        colour: of_group({name: found.get(f"{colour}_{name}", {}) for name in METRICS}, found.get("own", {}))
        for colour in groups
    }


def of_group(series: Mapping[str, Series], own: Series) -> Minutes:
    """Return what became of a group's requests, by the beginning of the minute.

    When a target breaks off or never answers, the load balancer answers itself, with 502 or 504; AWS counts these for
    the load balancer only. A group's are those that its targets left without an answer, as far as there were so many:
    the rest are clients that went away, and requests whose answers CloudWatch has not got yet. Both are left out.
    """
    found = {}
    for at in sorted({at for one in series.values() for at in one}):
        answered = sum(series[name].get(at, 0.0) for name in ANSWERS)
        broken = min(max(0.0, series["requests"].get(at, 0.0) - answered), own.get(at, 0.0))
        p95 = series["p95"].get(at)
        found[at] = Minute(
            requests=round(answered + broken),
            errors=round(series["c5xx"].get(at, 0.0) + broken),
            timed=round(series["timed"].get(at, 0.0)),
            p95_ms=None if p95 is None else 1000 * p95,
        )
    return found


def slow(cloudwatch: Any, load_balancer: str, groups: Mapping[str, str], compared: Sample, slow_ms: float) -> Sample:
    """Return the sample with the requests that took longer than the threshold.

    PR, the percentile rank, is the percentage of a minute's response times in a range, without its lower bound and
    with its upper one. CloudWatch reads it from a histogram, so the counts may be off by the width of a bar, for both
    colours alike.
    """
    moments = [*compared.blue, *compared.green]
    balancer = {"LoadBalancer": suffix(load_balancer)}
    statistic = f"PR({slow_ms / 1000:.3f}:)"  # AWS tells this metric in seconds
    queries = [
        query(colour, "AWS/ApplicationELB", "TargetResponseTime", balancer | {"TargetGroup": suffix(group)}, statistic)
        for colour, group in groups.items()
    ]
    found = ask(cloudwatch, queries, min(moments), max(moments) + timedelta(seconds=PERIOD))
    blue, green = ranked(compared.blue, found.get("blue", {})), ranked(compared.green, found.get("green", {}))
    return replace(compared, blue=blue, green=green, slow_ms=slow_ms)


def ranked(found: Minutes, ranks: Series) -> Minutes:
    """Return minutes with their slow requests. Without a rank none is known, and a minute's times do not count."""
    return {
        at: replace(minute, slow=ranks[at] / 100 * minute.timed)
        if at in ranks
        else replace(minute, timed=0, p95_ms=None)
        for at, minute in found.items()
    }


def cpu(cloudwatch: Any, cluster: str, service: str, since: datetime, now: datetime) -> float | None:
    """Return the mean percent that the service's tasks use of the CPU that they reserve; ECS knows no colours.

    docs.aws.amazon.com/AmazonECS/latest/developerguide/available-metrics.html
    """
    dimensions = {"ClusterName": cluster, "ServiceName": service}
    queries = [query("cpu", "AWS/ECS", "CPUUtilization", dimensions, "Average")]
    values = list(ask(cloudwatch, queries, since, now).get("cpu", {}).values())
    return sum(values) / len(values) if values else None


def query(identifier: str, namespace: str, metric: str, dimensions: Mapping[str, str], statistic: str) -> Any:
    names = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    measured = {"Namespace": namespace, "MetricName": metric, "Dimensions": names}
    return {"Id": identifier, "MetricStat": {"Metric": measured, "Period": PERIOD, "Stat": statistic}}


def ask(cloudwatch: Any, queries: list[Any], since: datetime, now: datetime) -> dict[str, Series]:
    """Return the values of each query by the beginning of their minute; a query may come in several pages."""
    found: dict[str, Series] = {}
    if now - since < timedelta(seconds=1):  # an empty time is an error to AWS
        return found
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries, StartTime=since, EndTime=now, ScanBy="TimestampAscending"
    )
    for result in (result for page in pages for result in page["MetricDataResults"]):
        series = found.setdefault(result["Id"], {})
        series.update(zip(result["Timestamps"], result["Values"], strict=True))
    return found


def suffix(arn: str) -> str:
    """Return what CloudWatch calls them: arn:...:loadbalancer/app/NAME/ID -> app/NAME/ID; targetgroup/NAME/ID stays."""
    return re.sub(r"^arn:[^/]*:(loadbalancer/)?", "", arn)
