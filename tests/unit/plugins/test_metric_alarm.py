"""Alarms on metric math against the local API: made once, repaired by field, planned truly, gone with their tags."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from ops.aws.resource import run
from plugins.modules.metric_alarm import MetricAlarm
from tests.support.sandbox.api_only import LocalApi, serving

GROUP = [{"Name": "TargetGroup", "Value": "targetgroup/t1-blue/1"}, {"Name": "LoadBalancer", "Value": "app/t1/1"}]


def of_group(identifier: str, metric: str) -> dict[str, Any]:
    measured = {"Namespace": "AWS/ApplicationELB", "MetricName": metric, "Dimensions": GROUP}
    return {
        "Id": identifier,
        "MetricStat": {"Metric": measured, "Period": 60, "Stat": "Sum"},
        "ReturnData": False,
    }


ALARM: dict[str, Any] = {
    "name": "t1-blue-errors",
    "description": "Too many errors",
    "metrics": [
        of_group("requests", "RequestCount"),
        of_group("c5xx", "HTTPCode_Target_5XX_Count"),
        {"Id": "percent", "Expression": "100 * FILL(c5xx, 0) / requests", "Label": "Errors"},
    ],
    "comparison": "GreaterThanThreshold",
    "threshold": 1.0,
    "periods": 3,
    "datapoints": 2,
    "treat_missing": "notBreaching",
    "actions": [],
    "tags": {"Stack": "t1"},
    "state": "present",
}


class LeftError(SystemExit):
    """The module has ended."""


class Module:
    """A module's surroundings, with the local API behind them."""

    def __init__(self, api: LocalApi, check_mode: bool, **params: Any) -> None:
        self.params = deepcopy(ALARM) | params
        self.check_mode = check_mode
        self.client = api.client
        self.no_log_values: set[str] = set()
        self.result: dict[str, Any] = {}

    def exit_json(self, **result: Any) -> None:
        self.result = result
        raise LeftError

    def fail_json(self, msg: str, exception: str = "") -> None:
        raise AssertionError(msg)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalApi]:
    root: Path = tmp_path_factory.mktemp("alarms") / "api"
    with serving(root) as running:
        yield running


@pytest.fixture
def alarm(api: LocalApi) -> Iterator[dict[str, Any]]:
    yield ran(api)["resource"]
    ran(api, state="absent")


def ran(api: LocalApi, check_mode: bool = False, **params: Any) -> dict[str, Any]:
    module = Module(api, check_mode, **params)
    with pytest.raises(LeftError):
        run(MetricAlarm(module))
    return module.result


def test_the_same_alarm_again_is_no_change(api: LocalApi, alarm: dict[str, Any]) -> None:
    assert alarm["state"] == "INSUFFICIENT_DATA"
    assert ran(api)["changed"] is False
    turned = [{**query, "ReturnData": query.get("ReturnData", True)} for query in reversed(ALARM["metrics"])]
    assert ran(api, metrics=turned)["changed"] is False


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("description", "else"),
        ("comparison", "GreaterThanOrEqualToThreshold"),
        ("threshold", 2.5),
        ("periods", 5),
        ("datapoints", 1),
        ("treat_missing", "missing"),
        ("actions", ["arn:aws:sns:us-east-1:123456789012:pager"]),
        ("tags", {"Stack": "t1", "Name": "x"}),
        ("metrics", [*ALARM["metrics"][:2], {"Id": "percent", "Expression": "c5xx / requests"}]),
    ],
)
def test_each_field_is_planned_repaired_and_then_kept(
    api: LocalApi, alarm: dict[str, Any], option: str, value: Any
) -> None:
    before = len(api.journal())
    plan = ran(api, check_mode=True, **{option: value})
    assert [call for call in api.journal()[before:] if call["mutating"]] == []
    done = ran(api, **{option: value})
    assert plan["changes"] == done["changes"] == [option]
    assert plan["diff"] == done["diff"]
    assert ran(api, **{option: value})["changed"] is False
    assert ran(api)["changes"] == [option]


def test_actions_that_somebody_switched_off_are_switched_on(api: LocalApi, alarm: dict[str, Any]) -> None:
    api.client("cloudwatch").disable_alarm_actions(AlarmNames=[ALARM["name"]])
    assert ran(api)["changes"] == ["actions_enabled"]
    assert ran(api)["changed"] is False


def test_an_alarm_on_one_metric_made_by_hand_is_repaired(api: LocalApi, alarm: dict[str, Any]) -> None:
    api.client("cloudwatch").put_metric_alarm(
        AlarmName=ALARM["name"],
        Namespace="AWS/ApplicationELB",
        MetricName="HTTPCode_Target_5XX_Count",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=10,
        ComparisonOperator="GreaterThanThreshold",
    )
    assert {"metrics", "threshold", "periods"} <= set(ran(api)["changes"])
    assert ran(api)["changed"] is False


def test_an_alarm_that_rings_goes_on_ringing_while_it_is_changed(api: LocalApi, alarm: dict[str, Any]) -> None:
    cloudwatch = api.client("cloudwatch")
    cloudwatch.set_alarm_state(AlarmName=ALARM["name"], StateValue="ALARM", StateReason="test")
    assert ran(api, threshold=3.0)["resource"]["state"] == "ALARM"


def test_tags_are_put_by_themselves_as_aws_ignores_them_in_an_alarm_put_again(
    api: LocalApi, alarm: dict[str, Any]
) -> None:
    """The negative control: what would happen if the module relied on PutMetricAlarm."""
    cloudwatch = api.client("cloudwatch")
    request = MetricAlarm(Module(api, False)).request(ALARM | {"actions_enabled": True})
    cloudwatch.put_metric_alarm(**request, Tags=[{"Key": "Owner", "Value": "somebody"}])
    assert cloudwatch.list_tags_for_resource(ResourceARN=alarm["arn"])["Tags"] == [{"Key": "Stack", "Value": "t1"}]


def test_what_is_gone_leaves_no_tag_for_the_next_of_its_name(api: LocalApi) -> None:
    assert ran(api, tags={"Stack": "t1", "Old": "x"})["changed"]
    assert ran(api, state="absent", check_mode=True)["changed"]
    assert ran(api, state="absent")["changed"]
    assert ran(api, state="absent")["changed"] is False
    assert ran(api)["resource"]["tags"] == {"Stack": "t1"}
    ran(api, state="absent")
