"""The service: AWS's words and ours say the same, and an update sends only what is to change."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ParamValidationError
from botocore.validate import validate_parameters

from ops.aws.ecs import deployments
from ops.aws.resource import run
from plugins.modules.ecs_service import (
    BALANCER,
    DEPLOYING,
    Service,
    configuration_from,
    desired_rollout,
    request_from,
    rollout_from,
    state_from,
)

MODEL = botocore.session.get_session().get_service_model("ecs")
CONTAINER = {"containerName": "app", "containerPort": 8000}
STAGES = ["POST_TEST_TRAFFIC_SHIFT", "PRE_PRODUCTION_TRAFFIC_SHIFT", "POST_PRODUCTION_TRAFFIC_SHIFT"]
OPTIONS: dict[str, Any] = {
    "name": "t1-app",
    "cluster": "t1",
    "state": "present",
    "wait": False,
    "task_definition": "arn:aws:ecs:us-east-1:1:task-definition/t1-app:7",
    "desired_count": 3,
    "capacity_providers": [
        {"provider": "FARGATE", "base": 2, "weight": 0},
        {"provider": "FARGATE_SPOT", "base": 0, "weight": 1},
    ],
    "subnets": ["subnet-b", "subnet-a"],
    "security_groups": ["sg-a"],
    "assign_public_ip": False,
    **{name: f"arn:{name}" for name in BALANCER},
    "container": "app",
    "port": 8000,
    "grace_seconds": 90,
    "strategy": "CANARY",
    "step_percent": 12.5,
    "step_minutes": 7,
    "bake_minutes": 15,
    "alarms": ["slow", "errors"],
    "pause_stages": STAGES,
    "pause_minutes": 30,
    "force": False,
    "tags": {"Stack": "t1"},
}
STRATEGIES: dict[str, dict[str, Any]] = {
    "canary": {},
    "linear": {"strategy": "LINEAR", "step_percent": 25.0, "step_minutes": 0},
    "at once": {"strategy": "BLUE_GREEN"},
    "without alarms": {"alarms": []},
    "without pauses": {"pause_stages": []},
}


class Ecs:
    """Keeps what it was sent, and describes a service that has it, as ECS does."""

    def __init__(self, described: dict[str, Any] | None = None) -> None:
        self.described = described
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.deployments: list[str] = []

    def list_service_deployments(self, **request: Any) -> dict[str, Any]:
        validate_parameters(request, MODEL.operation_model("ListServiceDeployments").input_shape)
        begin = int(request.get("nextToken", 0))
        page = [{"serviceDeploymentArn": arn, "createdAt": n} for n, arn in enumerate(self.deployments)][begin:][:2]
        return {"serviceDeployments": page, **({"nextToken": str(begin + 2)} if self.deployments[begin + 2 :] else {})}

    def describe_services(self, **_: Any) -> dict[str, Any]:
        return {"services": [self.described] if self.described else []}

    def create_service(self, **request: Any) -> None:
        self.keep("CreateService", request)

    def update_service(self, **request: Any) -> None:
        self.keep("UpdateService", request)

    def tag_resource(self, **request: Any) -> None:
        self.keep("TagResource", request)

    def untag_resource(self, **request: Any) -> None:
        self.keep("UntagResource", request)

    def keep(self, operation: str, request: dict[str, Any]) -> None:
        validate_parameters(request, MODEL.operation_model(operation).input_shape)
        self.sent.append((operation, request))


class ExitedError(SystemExit):
    pass


def service(ecs: Ecs, *, check: bool = False, **changed: Any) -> Service:
    def leave(**answer: Any) -> None:
        raise ExitedError(answer)

    module: Any = SimpleNamespace(
        params={**OPTIONS, **changed},
        client=lambda name: ecs,
        check_mode=check,
        no_log_values=set(),
        exit_json=leave,
        fail_json=leave,
    )
    return Service(module)


def converged(ecs: Ecs, *, check: bool = False, **changed: Any) -> dict[str, Any]:
    with pytest.raises(ExitedError) as left:
        run(service(ecs, check=check, **changed))
    return dict(left.value.args[0])


def described(**changed: Any) -> dict[str, Any]:
    """The service that a creation with these options leaves."""
    made = Ecs()
    service(made).create(service(made, **changed).desired(None))
    (request,) = (request for _, request in made.sent)
    return {
        "serviceArn": "arn:aws:ecs:us-east-1:1:service/t1/t1-app",
        "status": "ACTIVE",
        **{name: request[name] for name in ("taskDefinition", "capacityProviderStrategy", "networkConfiguration")},
        **{name: request[name] for name in ("loadBalancers", "healthCheckGracePeriodSeconds", "tags")},
        "deploymentConfiguration": request["deploymentConfiguration"],
    }


@pytest.mark.parametrize("changed", STRATEGIES.values(), ids=list(STRATEGIES))
def test_a_course_survives_the_way_to_aws_and_back(changed: dict[str, Any]) -> None:
    desired = desired_rollout({**OPTIONS, **changed})
    request = configuration_from(desired)
    validate_parameters(request, MODEL.shape_for("DeploymentConfiguration"))
    assert rollout_from(request) == desired


def test_a_course_has_no_parts_of_another_strategy() -> None:
    def names(**changed: Any) -> set[str]:
        found = configuration_from(desired_rollout({**OPTIONS, **changed}))
        return {name for name in found if name in ("canaryConfiguration", "linearConfiguration")}

    assert names() == {"canaryConfiguration"}
    assert names(strategy="LINEAR") == {"linearConfiguration"}
    assert names(strategy="BLUE_GREEN") == set()


def test_an_unanswered_pause_goes_back() -> None:
    (hook,) = configuration_from(desired_rollout(OPTIONS))["lifecycleHooks"]
    assert hook["timeoutConfiguration"] == {"timeoutInMinutes": 30, "action": "ROLLBACK"}
    assert configuration_from(desired_rollout({**OPTIONS, "pause_stages": []}))["lifecycleHooks"] == []


def test_alarms_that_do_not_take_back_do_not_count() -> None:
    alarms = {"alarmNames": ["errors"], "enable": True, "rollback": True}
    assert rollout_from({"alarms": alarms})["alarms"] == ["errors"]
    assert rollout_from({"alarms": {**alarms, "enable": False}})["alarms"] == []
    assert rollout_from({"alarms": {**alarms, "rollback": False}})["alarms"] == []


def test_a_pause_made_by_hand_without_a_timeout_is_a_difference_and_no_error() -> None:
    hook = {"targetType": "PAUSE", "lifecycleStages": STAGES}
    found = rollout_from({"lifecycleHooks": [hook, {"targetType": "AWS_LAMBDA", "lifecycleStages": ["POST_SCALE_UP"]}]})
    assert (found["pause_stages"], found["pause_minutes"]) == (sorted(STAGES), None)


@pytest.mark.parametrize("changed", STRATEGIES.values(), ids=list(STRATEGIES))
def test_a_created_service_is_found_as_it_was_desired(changed: dict[str, Any]) -> None:
    desired = service(Ecs(), **changed).desired(None)
    found = state_from(described(**changed))
    assert {key: found[key] for key in desired if key != "desired_count"} == {
        key: value for key, value in desired.items() if key != "desired_count"
    }


def test_the_first_release_says_how_many_tasks_and_later_ones_never_do() -> None:
    ecs = Ecs()
    service(ecs).create(service(ecs).desired(None))
    assert ecs.sent[0][1]["desiredCount"] == 3
    again = Ecs(described())
    answer = converged(again, desired_count=9, task_definition="arn:other")
    assert [(operation, "desiredCount" in request) for operation, request in again.sent] == [("UpdateService", False)]
    assert answer["changes"] == ["task_definition"]


def test_the_same_again_sends_nothing() -> None:
    ecs = Ecs(described())
    assert converged(ecs)["changed"] is False
    assert ecs.sent == []


def test_alarms_are_set_with_a_deployment_as_they_depend_on_where_it_goes() -> None:
    """Else the same release again would change them: the next one goes to the other target group."""
    ecs = Ecs(described())
    assert converged(ecs, alarms=["of the other one"])["changed"] is False
    converged(ecs, alarms=["of the other one"], bake_minutes=1)
    ((_, request),) = ecs.sent
    assert request["deploymentConfiguration"]["alarms"]["alarmNames"] == ["errors", "slow"]
    deploying = Ecs(described())
    converged(deploying, alarms=["of the other one"], task_definition="arn:other")
    assert deploying.sent[0][1]["deploymentConfiguration"]["alarms"]["alarmNames"] == ["of the other one"]


TRIGGERS = {"taskDefinition", "networkConfiguration", "loadBalancers", "forceNewDeployment"}


@pytest.mark.parametrize(
    ("changed", "sent"),
    [
        ({"bake_minutes": 1}, {"deploymentConfiguration"}),
        ({"strategy": "LINEAR"}, {"deploymentConfiguration"}),
        ({"grace_seconds": 10}, {"healthCheckGracePeriodSeconds"}),
        ({"capacity_providers": [{"provider": "FARGATE", "base": 0, "weight": 1}]}, {"capacityProviderStrategy"}),
        ({"task_definition": "arn:other"}, {"taskDefinition"}),
        ({"subnets": ["subnet-a"]}, {"networkConfiguration"}),
        ({"test_rule": "arn:other"}, {"loadBalancers"}),
        ({"force": True}, {"forceNewDeployment"}),
        ({"task_definition": "arn:other", "bake_minutes": 1}, {"taskDefinition", "deploymentConfiguration"}),
        ({"task_definition": "arn:other", "alarms": ["new"]}, {"taskDefinition", "deploymentConfiguration"}),
    ],
)
def test_an_update_sends_what_changed_and_nothing_else(changed: dict[str, Any], sent: set[str]) -> None:
    ecs = Ecs(described())
    answer = converged(ecs, **changed)
    ((_, request),) = ecs.sent
    assert request.keys() - {"cluster", "service"} == sent
    # what botocore's model says "triggers a new service deployment" is what we call a deployment
    assert bool(DEPLOYING.intersection(answer["changes"])) is bool(sent & TRIGGERS)


def test_what_aws_says_triggers_a_deployment_is_what_we_call_so() -> None:
    members = MODEL.operation_model("UpdateService").input_shape.members
    triggers = {name for name, shape in members.items() if "triggers a new service deployment" in shape.documentation}
    values: dict[str, Any] = service(Ecs()).desired({}) | {"forced": True}
    for part, value in values.items():
        request = request_from(part, value, CONTAINER)
        deploys = bool(request.keys() & triggers) or "forceNewDeployment" in request
        assert deploys is (part in DEPLOYING), part


def test_tags_alone_touch_no_service() -> None:
    ecs = Ecs(described())
    converged(ecs, tags={"Stack": "t1", "Tier": "1"})
    assert "UpdateService" not in [operation for operation, _ in ecs.sent]
    assert ecs.sent


def test_a_check_plans_what_the_run_does_and_sends_nothing() -> None:
    ecs = Ecs(described())
    answer = converged(ecs, check=True, task_definition="arn:other")
    assert (answer["changed"], answer["changes"], ecs.sent) == (True, ["task_definition"], [])
    assert answer["resource"]["task_definition"] == "arn:other"


@pytest.mark.parametrize("changed", [{"bake_minutes": 1}, {}])  # the same release again is no success either
@pytest.mark.parametrize("check", [False, True])
def test_a_service_that_was_deleted_by_hand_is_no_service_while_it_drains(changed: dict[str, Any], check: bool) -> None:
    answer = converged(Ecs({**described(), "status": "DRAINING"}), check=check, **changed)
    assert "was deleted, and its tasks still drain. Nothing was touched" in answer["msg"]


def test_whoever_asked_for_a_deployment_waits_for_its_name_and_takes_no_earlier_one_for_it() -> None:
    ecs = Ecs(described() | {"currentServiceDeployment": "arn:before"})
    ecs.deployments = ["arn:1", "arn:2", "arn:before"]
    asked = service(ecs)
    found = asked.read()
    assert found and asked.is_ready(found), "nobody asked yet"
    asked.update(found, {"task_definition": "arn:new"})
    found = asked.read()
    assert found and not asked.is_ready(found)
    ecs.deployments.append("arn:after")
    found = asked.read()
    assert found and asked.is_ready(found)
    assert found["deployment"] == "arn:after"


def test_deployments_are_looked_for_on_all_pages() -> None:
    ecs = Ecs()
    ecs.deployments = ["arn:1", "arn:2", "arn:3", "arn:4", "arn:5"]
    found = [one["serviceDeploymentArn"] for one in deployments(ecs, "t1", "t1-app")]
    assert found == ["arn:5", "arn:4", "arn:3", "arn:2", "arn:1"]


def test_a_request_that_aws_does_not_know_would_be_noticed_here() -> None:
    with pytest.raises(ParamValidationError, match="canaryPercentage"):
        Ecs().update_service(service="t1-app", deploymentConfiguration={"canaryPercentage": 5})
