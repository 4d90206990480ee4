#!/usr/bin/python
"""Own module because amazon.aws.cloudwatch_metric_alarm never finds an alarm on metric math as it wants it, and keeps no tags."""

from __future__ import annotations

DOCUMENTATION = r"""
module: metric_alarm
short_description: A CloudWatch alarm
description:
  - Creates, updates or deletes an alarm on a metric or on metric math. Its state stays when it is changed.
options:
  name: {description: Name, type: str, required: true}
  description: {description: What an alarm means and what to do then, type: str, default: ""}
  metrics:
    description: Queries as MetricDataQuery; exactly one returns data
    type: list
    elements: dict
    default: []
  comparison:
    description: How a value beyond the threshold compares with it
    type: str
    choices: [GreaterThanThreshold, GreaterThanOrEqualToThreshold, LessThanThreshold, LessThanOrEqualToThreshold]
    default: GreaterThanThreshold
  threshold: {description: The threshold, type: float}
  periods: {description: Periods that are evaluated, type: int, default: 3}
  datapoints: {description: How many of them must be beyond the threshold, type: int, default: 2}
  treat_missing:
    description: What a period without data counts as
    type: str
    choices: [missing, ignore, breaching, notBreaching]
    default: notBreaching
  actions: {description: ARNs of the alarm's actions, type: list, elements: str, default: []}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules, resource.state, resource.tags]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Create the CPU alarm
  metric_alarm:
    name: campshub360-tier1-cpu
    metrics:
      - Id: cpu
        MetricStat:
          Metric:
            Namespace: AWS/ECS
            MetricName: CPUUtilization
            Dimensions:
              - {Name: ClusterName, Value: campshub360-tier1}
              - {Name: ServiceName, Value: campshub360-tier1-app}
          Period: 60
          Stat: Average
    threshold: 90
"""

RETURN = r"""
resource: {description: "The alarm, with its arn and its state (OK, ALARM, INSUFFICIENT_DATA)", type: dict, returned: success}
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.resource import STATE_OPTION, TAGS_OPTION, Resource, State, run
from ops.aws.tagging import tag_cloudwatch
from ops.aws.tags import tags_from, tags_to

COMPARISONS = [
    "GreaterThanThreshold",
    "GreaterThanOrEqualToThreshold",
    "LessThanThreshold",
    "LessThanOrEqualToThreshold",
]


def queries(metrics: list[State]) -> list[State]:
    """Return queries sorted, and with the defaults that AWS adds, so that equal ones compare equal.

    docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html
    """
    return sorted((one_query(metric) for metric in metrics), key=lambda query: str(query["Id"]))


def one_query(metric: State) -> State:
    """Return a query with the defaults that AWS adds."""
    query = {key: value for key, value in metric.items() if value is not None}
    query["ReturnData"] = bool(metric.get("ReturnData", True))
    if "MetricStat" in query:
        stat = {key: value for key, value in query["MetricStat"].items() if value is not None}
        dimensions = sorted(stat["Metric"].get("Dimensions", []), key=lambda dimension: str(dimension["Name"]))
        query["MetricStat"] = stat | {
            "Metric": stat["Metric"] | {"Dimensions": dimensions},
            "Period": int(stat["Period"]),
        }
    return query


class MetricAlarm(Resource):
    noun = "alarm"

    def __init__(self, module: AnsibleAWSModule) -> None:
        super().__init__(module)
        self.cloudwatch = module.client("cloudwatch")

    def read(self) -> State | None:
        found = self.cloudwatch.describe_alarms(AlarmNames=[self.name], AlarmTypes=["MetricAlarm"])["MetricAlarms"]
        if not found:
            return None
        alarm = found[0]
        return {
            "arn": alarm["AlarmArn"],
            "state": alarm["StateValue"],
            "description": alarm.get("AlarmDescription", ""),
            "metrics": queries(alarm.get("Metrics", [])),
            "comparison": alarm["ComparisonOperator"],
            "threshold": alarm.get("Threshold"),
            "periods": alarm["EvaluationPeriods"],
            "datapoints": alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"]),
            "treat_missing": alarm.get("TreatMissingData", "missing"),
            "actions": sorted(alarm.get("AlarmActions", [])),
            "actions_enabled": alarm.get("ActionsEnabled", True),
            "tags": tags_from(self.cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"]),
        }

    def desired(self, found: State | None) -> State:
        options = ("description", "comparison", "threshold", "periods", "datapoints", "treat_missing")
        return {
            **{option: self.params[option] for option in options},
            "metrics": queries(self.params["metrics"]),
            "actions": sorted(self.params["actions"]),
            "actions_enabled": True,
            "tags": self.params["tags"],
        }

    def request(self, desired: State) -> State:
        """Return all parameters of PutMetricAlarm, which resets those that are left out. It takes no empty list."""
        return {
            "AlarmName": self.name,
            "AlarmDescription": desired["description"],
            "Metrics": desired["metrics"],
            "ComparisonOperator": desired["comparison"],
            "Threshold": desired["threshold"],
            "EvaluationPeriods": desired["periods"],
            "DatapointsToAlarm": desired["datapoints"],
            "TreatMissingData": desired["treat_missing"],
            "ActionsEnabled": desired["actions_enabled"],
            **({"AlarmActions": desired["actions"]} if desired["actions"] else {}),
        }

    def create(self, desired: State) -> None:
        self.cloudwatch.put_metric_alarm(**self.request(desired), Tags=tags_to(desired["tags"]))

    def update(self, found: State, changes: State) -> None:
        if changes.keys() - {"tags"}:
            self.cloudwatch.put_metric_alarm(**self.request(self.desired(found)))
        if "tags" in changes:  # AWS ignores the tags of an alarm that is put again
            tag_cloudwatch(self.cloudwatch, found["arn"], found["tags"], changes["tags"])

    def delete(self, found: State) -> None:
        self.cloudwatch.delete_alarms(AlarmNames=[self.name])


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "description": {"default": ""},
            "metrics": {"type": "list", "elements": "dict", "default": []},
            "comparison": {"choices": COMPARISONS, "default": "GreaterThanThreshold"},
            "threshold": {"type": "float"},
            "periods": {"type": "int", "default": 3},
            "datapoints": {"type": "int", "default": 2},
            "treat_missing": {
                "choices": ["missing", "ignore", "breaching", "notBreaching"],
                "default": "notBreaching",
            },
            "actions": {"type": "list", "elements": "str", "default": []},
            **TAGS_OPTION,
            **STATE_OPTION,
        },
        required_if=[("state", "present", ["metrics", "threshold"])],
        supports_check_mode=True,
    )
    run(MetricAlarm(module))


if __name__ == "__main__":
    main()
