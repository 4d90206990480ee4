"""A stack's cluster, its log groups and its alarms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ops.aws.tags import tags_from
from ops.stack import naming
from ops.stack.model import Stack
from ops.stack.resources.item import Item, belongs


def find_cluster(ecs: Any, stack: Stack) -> Iterator[Item]:
    """Yield the ECS cluster."""
    for cluster in ecs.describe_clusters(clusters=[stack.name])["clusters"]:
        if cluster["status"] != "INACTIVE":
            holds = f"{cluster['runningTasksCount']} running tasks"
            command = f"aws ecs delete-cluster --cluster {stack.name}"
            yield Item("cluster", stack.name, command, cluster["clusterArn"], holds)


def find_log_groups(logs: Any, stack: Stack) -> Iterator[Item]:
    """Yield the log groups of tasks, of the database and of Container Insights."""
    for group in log_groups(logs, naming.task_log_group(stack.name)):
        if group["logGroupName"] == naming.task_log_group(stack.name):
            yield log_group_item(group)
    for log_group in (naming.database_log_group, naming.container_insights_log_group):
        yield from map(log_group_item, log_groups(logs, log_group(stack.name, "")))


def log_groups(logs: Any, prefix: str) -> Iterator[dict[str, Any]]:
    """Yield the log groups whose names begin so."""
    for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix):
        yield from page["logGroups"]


def log_group_item(group: dict[str, Any]) -> Item:
    """Return the item of a log group, from its description."""
    name, holds = group["logGroupName"], f"{group.get('storedBytes', 0) / 1e6:.1f} MB"
    command = f"aws logs delete-log-group --log-group-name {name}"
    return Item("log group", name, command, group["arn"].removesuffix(":*"), holds)


def find_alarms(cloudwatch: Any, stack: Stack) -> Iterator[Item]:
    """Yield the alarms."""
    prefix = naming.alarm_prefix(stack.name)
    for page in cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=prefix):
        for alarm in page["MetricAlarms"]:
            name, arn = alarm["AlarmName"], alarm["AlarmArn"]
            if belongs(stack, name, tags_from(cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"])):
                yield Item("alarm", name, f"aws cloudwatch delete-alarms --alarm-names {name}", arn)
