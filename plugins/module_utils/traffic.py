"""What CloudWatch knows of each colour's requests, and of the CPU behind them.

docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ansible.module_utils.gate import Figures

Series = dict[datetime, float]

PERIOD = 60
METRICS = {  # our name -> AWS's metric of a target group, and the statistic
    "requests": ("RequestCount", "Sum"),
    "c2xx": ("HTTPCode_Target_2XX_Count", "Sum"),
    "c3xx": ("HTTPCode_Target_3XX_Count", "Sum"),
    "c4xx": ("HTTPCode_Target_4XX_Count", "Sum"),
    "c5xx": ("HTTPCode_Target_5XX_Count", "Sum"),
    "p95": ("TargetResponseTime", "p95"),
    "p90": ("TargetResponseTime", "p90"),
}
ANSWERS = ("c2xx", "c3xx", "c4xx", "c5xx")


def figures(
    cloudwatch: Any, load_balancer: str, groups: Mapping[str, str], since: datetime, now: datetime
) -> dict[str, Figures]:
    """Figures by colour since that moment, of target groups by colour: ARNs, or what CloudWatch knows them by.

    AWS rounds the beginning down to the whole minute. The newest one or two minutes are not there yet, or only in
    part: `of_group` counts what is complete, so a later look sees more, never something else.
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


def of_group(series: Mapping[str, Series], own: Series) -> Figures:
    """What became of a group's requests.

    When a target breaks off or never answers, the load balancer answers itself, with 502 or 504; AWS counts these for
    the load balancer only. A group's are those that its targets left without an answer, as far as there were so many:
    the rest are clients that went away, and requests whose answers CloudWatch has not got yet. Both are left out.
    """
    answered = total(*(series[name] for name in ANSWERS))
    asked = series["requests"]
    broken = {at: min(max(0.0, asked.get(at, 0) - answered.get(at, 0)), count) for at, count in own.items()}
    errors = sum(series["c5xx"].values()) + sum(broken.values())
    return Figures(
        requests=round(sum(answered.values()) + sum(broken.values())),
        errors=round(errors),
        p95_ms=in_milliseconds(series["p95"], answered),
        p90_ms=in_milliseconds(series["p90"], answered),
    )


def in_milliseconds(percentile: Series, weights: Series) -> float | None:
    """One percentile for the whole time: the mean of the minutes', weighted with their requests.

    One long period would be exact, but AWS does not say where the periods of a query begin that are longer than a
    minute: it could hold requests from before the release.
    """
    known = {at: weights[at] for at in percentile.keys() & weights.keys() if weights[at] > 0}
    if not known:
        return None
    return 1000 * sum(percentile[at] * weight for at, weight in known.items()) / sum(known.values())


def cpu(cloudwatch: Any, cluster: str, service: str, since: datetime, now: datetime) -> float | None:
    """Percent of the CPU that the service's tasks reserve, in the mean; ECS knows no colours.

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
    """The values of each query by the beginning of their minute; a query may come in several pages."""
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


def total(*series: Series) -> Series:
    moments = {at for one in series for at in one}
    return {at: sum(one.get(at, 0.0) for one in series) for at in moments}


def suffix(arn: str) -> str:
    """What CloudWatch calls them: arn:...:loadbalancer/app/NAME/ID -> app/NAME/ID; targetgroup/NAME/ID stays."""
    return re.sub(r"^arn:[^/]*:(loadbalancer/)?", "", arn)
