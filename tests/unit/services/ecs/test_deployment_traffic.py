"""Blue/green deployments: real tasks, real traffic, and rollbacks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.aws_api import status
from sandbox.services.cloudwatch.controller import CloudWatchController
from sandbox.services.ecs.controller import EcsController
from sandbox.services.elbv2.controller import ElbV2Controller
from tests.support.sandbox.cluster import forget, stack
from tests.support.sandbox.colours import Colours, pause
from tests.support.sandbox.dataplane import eventually, running

CANARY = {
    "strategy": "CANARY",
    "bakeTimeInMinutes": 2,
    "canaryConfiguration": {"canaryPercent": 20.0, "canaryBakeTimeInMinutes": 5},
    "lifecycleHooks": [pause("POST_TEST_TRAFFIC_SHIFT", "PRE_PRODUCTION_TRAFFIC_SHIFT")],
}
QUICK = {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0, "lifecycleHooks": []}


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Colours]:
    """Create a service that runs version `one`, deployed blue/green."""
    forget()
    root: Path = tmp_path_factory.mktemp("shifting")
    with (
        pytest.MonkeyPatch.context() as patch,
        running(root / "sandbox", ElbV2Controller, EcsController, CloudWatchController) as stage,
        stack(stage, root) as there,
    ):
        patch.setattr(status, "current", stage.sandbox.status)
        web = Colours(there)
        web.create("one", **QUICK)
        eventually(lambda: web.deployments()[0]["status"] == "SUCCESSFUL")
        yield web
        web.ecs.delete_service(cluster="stack", service="web", force=True)
        eventually(lambda: web.service()["status"] == "INACTIVE")


def test_a_canary_moves_all_traffic_and_drops_none_of_it(web: Colours) -> None:
    assert web.weights() == (100, 0)
    web.bind(60)
    with web.load() as answers:
        arn = web.deploy("two", **CANARY)
        hook = web.pauses(arn, "POST_TEST_TRAFFIC_SHIFT")
        assert web.weights() == (100, 0)
        assert eventually(lambda: web.tested() == "two")
        assert {version for _, version in answers} == {"one"}
        seen = web.describe(arn)
        assert seen["targetServiceRevision"]["runningTaskCount"] == 2
        assert seen["targetServiceRevision"]["requestedTestTrafficWeight"] == 100
        assert seen["sourceServiceRevisions"][0]["requestedProductionTrafficWeight"] == 100
        for _ in range(2):  # one for each shift, and each has an id of its own
            web.ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId=hook, action="CONTINUE")
            with pytest.raises(ClientError, match="either completed, unavailable"):
                web.ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId=hook)
            hook = web.pauses(arn, "PRE_PRODUCTION_TRAFFIC_SHIFT")
        assert web.weights() == (80, 20)
        eventually(lambda: answers[200, "two"])
        web.ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId=hook)
        web.ends(arn, "SUCCESSFUL")
    assert {status for status, _ in answers} == {200}, answers
    assert web.weights() == (0, 100)
    assert {web.get()[1] for _ in range(10)} == {"two"}
    service = web.service()
    assert [d["taskDefinition"] for d in service["deployments"]] == [service["taskDefinition"]]
    assert web.balancing.health(web.blue) == {}
    assert web.bound == 60, "whom the rule binds to a group is not ECS's matter"


def test_revisions_tell_where_they_serve(web: Colours) -> None:
    (revision,) = web.service()["currentServiceRevisions"]
    (found,) = web.ecs.describe_service_revisions(serviceRevisionArns=[revision["arn"]])["serviceRevisions"]
    assert found["loadBalancers"] == web.load_balancers
    serving = {"targetGroupArn": web.green, "productionListenerRule": web.rule}
    assert found["resolvedConfiguration"]["loadBalancers"] == [serving]


def test_a_hook_that_times_out_takes_the_deployment_back(web: Colours) -> None:
    hooks = [pause("POST_PRODUCTION_TRAFFIC_SHIFT")]
    with web.load() as answers:
        arn = web.deploy("three", **QUICK | {"lifecycleHooks": hooks})
        hook = web.pauses(arn, "POST_PRODUCTION_TRAFFIC_SHIFT")
        eventually(lambda: answers[200, "three"])
        web.time_out(hook)
        ended = web.ends(arn, "ROLLBACK_SUCCESSFUL")
    reason = "Service deployment rolled back because POST_PRODUCTION_TRAFFIC_SHIFT pause hook timed out."
    assert (ended["statusReason"], ended["rollback"]["reason"]) == (reason, reason)
    assert ended["rollback"]["serviceRevisionArn"] == web.service()["currentServiceRevisions"][0]["arn"]
    assert {status for status, _ in answers} == {200}, answers
    assert web.weights() == (0, 100)
    assert web.tested() == "two"
    assert web.balancing.health(web.blue) == {}


def test_an_alarm_on_what_green_answers_takes_the_deployment_back(web: Colours) -> None:
    cloudwatch = web.there.stage.client("cloudwatch")
    targets = [arn.rpartition(":")[2] for arn in (web.blue, web.green)]
    balancer = {"Name": "LoadBalancer", "Value": web.balancer["LoadBalancerArn"].partition("loadbalancer/")[2]}

    def metric(name: str, key: str, target: str) -> dict[str, Any]:
        dimensions = [{"Name": "TargetGroup", "Value": target}, balancer]
        measured = {"Namespace": "AWS/ApplicationELB", "MetricName": name, "Dimensions": dimensions}
        return {"Id": key, "MetricStat": {"Metric": measured, "Period": 60, "Stat": "Sum"}, "ReturnData": False}

    cloudwatch.put_metric_alarm(
        AlarmName="errors",
        Metrics=[
            *(metric("HTTPCode_Target_5XX_Count", f"e{i}", target) for i, target in enumerate(targets)),
            *(metric("RequestCount", f"r{i}", target) for i, target in enumerate(targets)),
            {"Id": "ratio", "Expression": "100 * (FILL(e0, 0) + FILL(e1, 0)) / (FILL(r0, 0) + FILL(r1, 0))"},
        ],
        ComparisonOperator="GreaterThanThreshold",
        Threshold=5.0,
        EvaluationPeriods=2,
        TreatMissingData="notBreaching",
    )
    alarms = {"alarmNames": ["errors"], "enable": True, "rollback": True}
    with web.load():
        assert web.get("/slow")[0] == 200  # blue's: a busy machine may not get as far as the load's own
        arn = web.deploy("four", **QUICK | {"bakeTimeInMinutes": 1440, "alarms": alarms})
        eventually(lambda: web.describe(arn).get("lifecycleStage") == "BAKE_TIME")
        while web.describe(arn)["status"] == "IN_PROGRESS":
            assert web.get("/fail")[0] == 500
        ended = web.ends(arn, "ROLLBACK_SUCCESSFUL")
    assert ended["statusReason"] == "Service deployment rolled back because of CloudWatch alarms: errors."
    assert web.weights() == (0, 100)
    items = cloudwatch.describe_alarm_history(AlarmName="errors")["AlarmHistoryItems"]
    assert "Alarm updated from OK to ALARM" in [item["HistorySummary"] for item in items]
    now = datetime.now(UTC)
    seen = cloudwatch.get_metric_statistics(
        Namespace="AWS/ApplicationELB",
        MetricName="TargetResponseTime",
        Dimensions=[{"Name": "TargetGroup", "Value": targets[0]}, balancer],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=1),
        Period=600,
        Statistics=["SampleCount"],
        ExtendedStatistics=["p50", "p99.9"],
    )["Datapoints"]
    assert seen[0]["SampleCount"] > 0
    told = seen[0]["ExtendedStatistics"]
    assert 0 < told["p50"] <= told["p99.9"] >= 0.5, "one request and more took half a second"
    names = {one["MetricName"] for one in cloudwatch.list_metrics(Namespace="AWS/ECS")["Metrics"]}
    assert names == {"CPUUtilization", "MemoryUtilization"}


def test_a_green_that_never_gets_healthy_waits_until_it_is_stopped(web: Colours) -> None:
    arn = web.deploy("ill", **QUICK)
    eventually(lambda: web.describe(arn)["targetServiceRevision"]["runningTaskCount"] == 2)
    assert web.describe(arn)["lifecycleStage"] == "SCALE_UP"
    web.ecs.stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")
    ended = web.ends(arn, "ROLLBACK_SUCCESSFUL")
    assert ended["statusReason"] == "Service deployment rolled back because of a user request."
    assert web.get() == (200, "two")
    with pytest.raises(ClientError) as refused:
        web.ecs.stop_service_deployment(serviceDeploymentArn=arn)
    assert refused.value.response["Error"]["Code"] == "ConflictException"
