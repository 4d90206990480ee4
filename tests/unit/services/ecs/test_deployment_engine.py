"""The deployment engine, with tasks that are only stated to run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.services.ecs.deployment import stages as ecs_deployments
from tests.support.sandbox.api_only import serving
from tests.support.sandbox.colours import pause
from tests.support.sandbox.service_deployments import QUICK, Region, Scene
from tests.support.waiting import until

ALARMS = {"alarmNames": ["errors"], "enable": True, "rollback": True}


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    with serving(tmp_path_factory.mktemp("rollouts") / "sandbox") as api:
        yield Region(api)


@pytest.fixture
def scene(region: Region, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(ecs_deployments, "SETTLE", 0.0)
    return Scene(region)


def test_the_first_deployment_goes_through_all_stages(scene: Scene) -> None:
    arn = scene.create(QUICK | {"lifecycleHooks": [pause("POST_PRODUCTION_TRAFFIC_SHIFT")]})
    assert scene.describe(arn)["status"] == "PENDING"
    assert scene.look() == {"primary": 2}
    assert scene.describe(arn)["lifecycleStage"] == "SCALE_UP"
    scene.look(primary=2)
    found = scene.describe(arn)
    assert found["lifecycleStage"] == "POST_PRODUCTION_TRAFFIC_SHIFT"
    (hook,) = found["lifecycleHookDetails"]
    scene.ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId=hook["hookId"])
    scene.settle()
    assert scene.weights() == (100, 0)


def test_target_groups_alternate(scene: Scene) -> None:
    scene.create()
    scene.settle()
    for expected in ((0, 100), (100, 0), (0, 100)):
        scene.deploy()
        assert scene.look(stable=2) == {"stable": 2, "primary": 2}
        assert scene.look(stable=2, primary=2) == {"primary": 2}
        assert scene.latest()["lifecycleStage"] == "CLEAN_UP"
        scene.settle()
        assert scene.weights() == expected


def test_configuration_alone_starts_no_deployment(scene: Scene) -> None:
    before = scene.create()
    scene.settle()
    configuration = QUICK | {"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 50.0}}
    request = {"cluster": scene.name, "service": "web", "deploymentConfiguration": configuration}
    answer = scene.ecs.update_service(**request)["service"]
    assert answer["currentServiceDeployment"] == before, "it stays when it has ended"
    assert answer["deploymentConfiguration"]["linearConfiguration"] == {"stepPercent": 50.0, "stepBakeTimeInMinutes": 6}
    assert len(scene.service.rollouts) == 1


def test_green_has_blues_present_count(scene: Scene) -> None:
    scene.create()
    scene.settle()
    scene.ecs.update_service(cluster=scene.name, service="web", desiredCount=5)
    scene.deploy()
    assert scene.look(stable=5) == {"stable": 5, "primary": 5}


def test_without_a_revision_before_it_stops_where_it_is(scene: Scene) -> None:
    arn = scene.create()
    scene.look()
    scene.ecs.stop_service_deployment(serviceDeploymentArn=arn)
    scene.look()
    found = scene.describe(arn)
    assert found["status"] == "STOPPED"
    assert "No rollback candidate was found" in found["statusReason"]


def test_an_alarm_in_the_bake_takes_traffic_back_first(scene: Scene) -> None:
    scene.create()
    scene.settle()
    scene.alarm("OK")
    arn = scene.deploy(bakeTimeInMinutes=1440, alarms=ALARMS)
    scene.look(stable=2)
    scene.look(stable=2, primary=2)
    assert (scene.describe(arn)["lifecycleStage"], scene.weights()) == ("BAKE_TIME", (0, 100))
    scene.alarm("ALARM")
    scene.look(stable=2, primary=2)
    assert scene.weights() == (100, 0)
    assert scene.describe(arn)["status"] == "ROLLBACK_IN_PROGRESS"
    scene.look(stable=2, stale=2)
    assert scene.describe(arn)["status"] == "ROLLBACK_IN_PROGRESS"
    scene.look(stable=2)
    found = scene.describe(arn)
    assert (found["status"], found["alarms"]["triggeredAlarmNames"]) == ("ROLLBACK_SUCCESSFUL", ["errors"])
    assert found["statusReason"] == "Service deployment rolled back because of CloudWatch alarms: errors."


def test_an_alarm_that_fires_already_is_ignored(scene: Scene) -> None:
    scene.create()
    scene.settle()
    scene.alarm("ALARM")
    scene.deploy(alarms=ALARMS)
    scene.look(stable=2)
    scene.look(stable=2, primary=2)
    scene.settle()
    assert scene.latest()["alarms"]["status"] == "DISABLED"


def test_an_aborted_deployment_stays_and_the_next_one_reconciles(scene: Scene) -> None:
    scene.create()
    scene.settle()
    canary = {"canaryPercent": 25.0, "canaryBakeTimeInMinutes": 1440}
    arn = scene.deploy(strategy="CANARY", canaryConfiguration=canary)
    scene.look(stable=2)
    scene.look(stable=2, primary=2)
    scene.ecs.stop_service_deployment(serviceDeploymentArn=arn, stopType="ABORT")
    assert scene.look(stable=2, primary=2) == {"stable": 2, "primary": 2}
    assert (scene.describe(arn)["status"], scene.weights()) == ("STOPPED", (75, 25))
    after = scene.deploy()
    assert scene.look(stable=2, stale=2) == {"stable": 2}
    assert (scene.describe(after)["lifecycleStage"], scene.weights()) == ("RECONCILE_SERVICE", (100, 0))
    scene.look(stable=2)
    scene.look(stable=2, primary=2)
    scene.settle()
    assert scene.weights() == (0, 100)


def test_a_new_deployment_stops_the_one_that_goes_on(scene: Scene) -> None:
    scene.create()
    scene.settle()
    arn = scene.deploy()
    scene.look(stable=2)
    scene.deploy()
    assert scene.describe(arn)["status"] == "STOP_REQUESTED"
    scene.look(stable=2, stale=1)
    assert scene.describe(arn)["status"] == "STOPPED"
    listed = scene.ecs.list_service_deployments(cluster=scene.name, service="web", status=["SUCCESSFUL"])
    assert len(listed["serviceDeployments"]) == 1
    filters = {"after": datetime.now(UTC) - timedelta(hours=1), "before": datetime.now(UTC) + timedelta(hours=1)}
    listed = scene.ecs.list_service_deployments(cluster=scene.name, service="web", createdAt=filters, maxResults=2)
    assert (len(listed["serviceDeployments"]), listed["nextToken"]) == (2, "2")


def break_groups(scene: Scene) -> None:
    only = {"Type": "forward", "TargetGroupArn": scene.blue}
    scene.elb.modify_rule(RuleArn=scene.rule, Actions=[only])


def break_weights(scene: Scene) -> None:
    scene.elb.modify_rule(RuleArn=scene.rule, Actions=[scene.forward(1, 1)])


def break_actions(scene: Scene) -> None:
    fixed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    scene.elb.modify_listener(ListenerArn=scene.listener, DefaultActions=[fixed])


def break_role(scene: Scene) -> None:
    scene.iam.delete_role_policy(RoleName=scene.name, PolicyName="p")


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        (break_groups, "is not associated with either productionListenerRule or testListenerRule"),
        (break_weights, "should have exactly one target group serving traffic but found 2"),
        (break_actions, "has rules with actions other than forward: fixed-response"),
        (break_role, "missing permissions on ECS Infrastructure Role"),
    ],
)
def test_what_cannot_shift_rolls_back_at_once(scene: Scene, break_it: Any, reason: str) -> None:
    scene.create()
    scene.settle()
    blue = scene.service.primary
    arn = scene.deploy()
    break_it(scene)
    assert scene.look(stable=2) == {"stable": 2}
    found = scene.describe(arn)
    assert found["status"] == "ROLLBACK_SUCCESSFUL"
    assert "rolled back because of invalid networking configuration" in found["statusReason"]
    assert reason in found["statusReason"]
    assert scene.service.primary is blue


@pytest.mark.parametrize(
    ("configuration", "advanced", "reason"),
    [
        (QUICK | {"lifecycleHooks": [pause("TEST_TRAFFIC_SHIFT")]}, {}, "Invalid lifecycle stage provided for Pause"),
        (QUICK | {"lifecycleHooks": [pause("POST_SCALE_UP", minutes=20161)]}, {}, "between 1 and 20160"),
        (QUICK | {"canaryConfiguration": {"canaryPercent": 5.0}}, {}, "only valid when the deployment strategy is"),
        (QUICK | {"strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 0.05}}, {}, "between 0.1 and 100"),
        (QUICK | {"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 2.0}}, {}, "between 3 and 100"),
        (QUICK, {"productionListenerRule": "arn:aws:elb:listener/app/a/b/c"}, "has an invalid ARN format"),
        (QUICK, {"roleArn": ""}, "roleArn is required"),
    ],
)
def test_nonsense_is_refused_at_once(
    scene: Scene, configuration: dict[str, Any], advanced: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ClientError, match=reason):
        scene.create(configuration, **advanced)


def test_events_reach_the_targets_of_rules(scene: Scene) -> None:
    scene.logs.create_log_group(logGroupName="/events")
    scene.events.put_rule(Name="ecs", EventPattern=json.dumps({"source": ["aws.ecs"]}))
    target = {"Id": "log", "Arn": "arn:aws:logs:us-east-1:123456789012:log-group:/events"}
    scene.events.put_targets(Rule="ecs", Targets=[target])
    arn = scene.create(QUICK | {"lifecycleHooks": [pause("PRE_SCALE_UP", minutes=1, action="CONTINUE")]})
    until(lambda: scene.look() and scene.latest()["lifecycleStage"] != "PRE_SCALE_UP")
    scene.settle()
    said = [json.loads(one["message"]) for one in scene.logs.filter_log_events(logGroupName="/events")["events"]]
    names = [one["detail"]["eventName"] for one in said]
    assert sorted(names) == [
        "HOOK_AWAITING_ACTION",
        "HOOK_TIMED_OUT",
        "SERVICE_DEPLOYMENT_COMPLETED",
        "SERVICE_DEPLOYMENT_IN_PROGRESS",
    ]
    (waiting,) = [one for one in said if one["detail"]["eventName"] == "HOOK_AWAITING_ACTION"]
    assert (waiting["detail-type"], waiting["resources"]) == ("ECS Hook State Change", [arn])
    assert waiting["detail"]["lifecycleStage"] == "PRE_SCALE_UP"
