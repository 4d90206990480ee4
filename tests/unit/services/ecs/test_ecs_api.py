"""ECS's API: the fields that it keeps, completes and refuses. Nothing runs here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.sandbox import account

ROLE = "arn:aws:iam::123456789012:role/execution"
STRATEGY = [
    {"capacityProvider": "FARGATE", "base": 2, "weight": 0},
    {"capacityProvider": "FARGATE_SPOT", "base": 0, "weight": 1},
]


@pytest.fixture
def ecs() -> Iterator[Any]:
    with account.empty():
        client = account.client("ecs")
        client.create_cluster(
            clusterName="stack",
            settings=[{"name": "containerInsights", "value": "enhanced"}],
            capacityProviders=["FARGATE", "FARGATE_SPOT"],
            defaultCapacityProviderStrategy=STRATEGY,
            tags=[{"key": "Stack", "value": "one"}],
        )
        yield client


@pytest.fixture
def network() -> dict[str, Any]:
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.20.{i}.0/24", AvailabilityZone=f"us-east-1{zone}")["Subnet"][
            "SubnetId"
        ]
        for i, zone in enumerate("ab")
    ]
    return {"awsvpcConfiguration": {"subnets": subnets}}


def container(**options: Any) -> dict[str, Any]:
    return {"name": "app", "image": "x", "portMappings": [{"containerPort": 8000}]} | options


def definition(**options: Any) -> dict[str, Any]:
    base = {
        "family": "app",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": ROLE,
        "containerDefinitions": [container()],
    }
    return {key: value for key, value in (base | options).items() if value is not None}


def refused(code: str, call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**request)
    assert caught.value.response["Error"]["Code"] == code
    return str(caught.value.response["Error"]["Message"])


def test_a_cluster_tells_what_it_is_asked(ecs: Any) -> None:
    [plain] = ecs.describe_clusters(clusters=["stack"])["clusters"]
    assert (plain["settings"], plain["tags"]) == ([], [])
    assert plain["defaultCapacityProviderStrategy"] == STRATEGY
    include = ["SETTINGS", "TAGS"]
    [whole] = ecs.describe_clusters(clusters=["stack"], include=include)["clusters"]
    assert whole["settings"] == [{"name": "containerInsights", "value": "enhanced"}]
    assert whole["tags"] == [{"key": "Stack", "value": "one"}]
    again = ecs.create_cluster(clusterName="stack")["cluster"]
    assert again["clusterArn"] == whole["clusterArn"]
    assert again["settings"] == whole["settings"]


def test_capacity_providers_of_a_cluster(ecs: Any) -> None:
    wrong: dict[str, Any] = {"capacityProviders": ["MINE"], "defaultCapacityProviderStrategy": []}
    put = ecs.put_cluster_capacity_providers
    assert "does not exist" in refused("InvalidParameterException", put, cluster="stack", **wrong)
    message = refused(
        "InvalidParameterException",
        put,
        cluster="stack",
        capacityProviders=["FARGATE"],
        defaultCapacityProviderStrategy=STRATEGY,
    )
    assert "not associated" in message
    found = ecs.describe_capacity_providers()["capacityProviders"]
    assert [one["name"] for one in found] == ["FARGATE", "FARGATE_SPOT"]


def test_a_deleted_cluster_is_inactive(ecs: Any) -> None:
    assert ecs.delete_cluster(cluster="stack")["cluster"]["status"] == "INACTIVE"
    assert ecs.list_clusters()["clusterArns"] == []


def test_a_task_definition_is_kept_whole(ecs: Any) -> None:
    given = definition(
        cpu="1 vCPU",
        memory="2GB",
        runtimePlatform={"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"},
        ephemeralStorage={"sizeInGiB": 30},
        taskRoleArn=ROLE,
        tags=[{"key": "Stack", "value": "one"}],
        containerDefinitions=[
            container(
                stopTimeout=120,
                secrets=[{"name": "A", "valueFrom": "arn:aws:secretsmanager:x"}],
                healthCheck={"command": ["CMD", "true"], "interval": 30},
                readonlyRootFilesystem=True,
            )
        ],
    )
    ecs.register_task_definition(**given)
    answer = ecs.describe_task_definition(taskDefinition="app", include=["TAGS"])
    found = answer["taskDefinition"]
    assert answer["tags"] == given["tags"]
    assert (found["revision"], found["status"], found["registeredBy"][:13]) == (
        1,
        "ACTIVE",
        "arn:aws:iam::",
    )
    assert (found["cpu"], found["memory"]) == ("1024", "2048")
    for field in ("runtimePlatform", "ephemeralStorage", "taskRoleArn", "networkMode"):
        assert found[field] == given[field]
    [kept] = found["containerDefinitions"]
    assert kept == {
        **given["containerDefinitions"][0],
        "portMappings": [{"containerPort": 8000, "hostPort": 8000, "protocol": "tcp"}],
        "cpu": 0,
        "essential": True,
        "environment": [],
        "mountPoints": [],
        "volumesFrom": [],
        "systemControls": [],
    }


def test_revisions_come_and_go(ecs: Any) -> None:
    for _ in range(11):
        ecs.register_task_definition(**definition())
    listed = ecs.list_task_definitions(familyPrefix="app", sort="DESC")["taskDefinitionArns"]
    assert [arn.rpartition(":")[2] for arn in listed] == [str(n) for n in range(11, 0, -1)]
    gone = ecs.deregister_task_definition(taskDefinition="app:11")["taskDefinition"]
    assert gone["status"] == "INACTIVE"
    latest = ecs.describe_task_definition(taskDefinition="app")["taskDefinition"]
    assert latest["revision"] == 10
    ecs.delete_task_definitions(taskDefinitions=["app:11"])
    assert ecs.register_task_definition(**definition())["taskDefinition"]["revision"] == 12
    assert ecs.list_task_definition_families(familyPrefix="a")["families"] == ["app"]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"family": "a.b"}, "invalid characters"),
        ({"cpu": None}, "'cpu' be defined"),
        ({"memory": "4096"}, "No Fargate configuration exists for given values: 256 CPU"),
        ({"memory": "1536"}, "No Fargate configuration"),
        ({"networkMode": "bridge"}, "only supports network mode"),
        ({"executionRoleArn": None, "containerDefinitions": [
            container(image="1.dkr.ecr.us-east-1.amazonaws.com/a")]}, "execution role ARN"),
        ({"containerDefinitions": [container(essential=False)]}, "essential"),
        ({"containerDefinitions": [container(), container()]}, "unique"),
        ({"containerDefinitions": [container(stopTimeout=121)]}, "between 0 and 120"),
        ({"containerDefinitions": [container(cpu=512)]}, "total CPU"),
        ({"containerDefinitions": [container(privileged=True)]}, "privileged"),
        ({"containerDefinitions": [
            container(portMappings=[{"containerPort": 80, "hostPort": 8080}])]}, "must match"),
        ({"containerDefinitions": [
            container(logConfiguration={"logDriver": "syslog"})]}, "log driver 'syslog'"),
        ({"containerDefinitions": [container(
            logConfiguration={"logDriver": "awslogs", "options": {"awslogs-group": "g"}})]},
         "awslogs-region, awslogs-stream-prefix"),
        ({"containerDefinitions": [container(
            environment=[{"name": "A", "value": "1"}],
            secrets=[{"name": "A", "valueFrom": "x"}])]}, "secret name must be unique"),
        ({"containerDefinitions": [container(
            healthCheck={"command": ["CMD", "x"], "interval": 1})]}, "between 5 and 300"),
        ({"ephemeralStorage": {"sizeInGiB": 10}}, "between 21 and 200"),
    ],
)  # fmt: skip
def test_what_fargate_refuses(ecs: Any, change: dict[str, Any], error: str) -> None:
    register = ecs.register_task_definition
    assert error in refused("ClientException", register, **definition(**change))


def test_capacity_follows_the_strategy(ecs: Any, network: dict[str, Any]) -> None:
    ecs.register_task_definition(**definition())
    run = {"cluster": "stack", "taskDefinition": "app", "networkConfiguration": network}
    tasks = ecs.run_task(count=5, **run)["tasks"]
    assert [task["capacityProviderName"] for task in tasks] == ["FARGATE"] * 2 + ["FARGATE_SPOT"] * 3
    zones = [task["availabilityZone"] for task in tasks]
    assert abs(zones.count("us-east-1a") - zones.count("us-east-1b")) == 1


@pytest.mark.parametrize(
    ("change", "code", "error"),
    [
        ({"cluster": "none"}, "ClusterNotFoundException", "not found"),
        ({"taskDefinition": "none"}, "ClientException", "TaskDefinition not found"),
        ({"networkConfiguration": {}}, "InvalidParameterException", "must be provided"),
        ({"launchType": "FARGATE", "capacityProviderStrategy": STRATEGY},
         "InvalidParameterException", "not supported"),
        ({"count": 11}, "InvalidParameterException", "between 1 and 10"),
        ({"overrides": {"containerOverrides": [{"name": "web"}]}},
         "InvalidParameterException", "container named web"),
        ({"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-12345678"]}}},
         "InvalidParameterException", "InvalidSubnetID.NotFound"),
    ],
)  # fmt: skip
def test_what_run_task_refuses(
    ecs: Any, network: dict[str, Any], change: dict[str, Any], code: str, error: str
) -> None:
    ecs.register_task_definition(**definition())
    base = {"cluster": "stack", "taskDefinition": "app", "networkConfiguration": network}
    assert error in refused(code, ecs.run_task, **(base | change))


def test_an_inactive_definition_runs_nowhere(ecs: Any, network: dict[str, Any]) -> None:
    ecs.register_task_definition(**definition())
    ecs.deregister_task_definition(taskDefinition="app:1")
    request = {"cluster": "stack", "taskDefinition": "app:1", "networkConfiguration": network}
    assert "inactive" in refused("ClientException", ecs.run_task, **request)


def test_a_service_is_kept_whole(ecs: Any, network: dict[str, Any]) -> None:
    ecs.register_task_definition(**definition())
    given: dict[str, Any] = {
        "desiredCount": 3,
        "deploymentConfiguration": {
            "minimumHealthyPercent": 67,
            "maximumPercent": 150,
            "deploymentCircuitBreaker": {"enable": True, "rollback": True},
        },
        "healthCheckGracePeriodSeconds": 45,
        "enableECSManagedTags": True,
        "propagateTags": "SERVICE",
        "enableExecuteCommand": True,
        "capacityProviderStrategy": STRATEGY,
    }
    ecs.create_service(
        cluster="stack",
        serviceName="app",
        taskDefinition="app",
        networkConfiguration=network,
        tags=[{"key": "Stack", "value": "one"}],
        **given,
    )
    answer = ecs.describe_services(cluster="stack", services=["app", "none"], include=["TAGS"])
    [service] = answer["services"]
    for field, value in given.items():
        found = service[field]
        assert found == value or found.items() >= value.items(), field
    assert service["deploymentConfiguration"]["strategy"] == "ROLLING"
    assert service["tags"] == [{"key": "Stack", "value": "one"}]
    assert service["taskDefinition"].endswith(":task-definition/app:1")
    assert "launchType" not in service
    vpc = service["networkConfiguration"]["awsvpcConfiguration"]
    assert vpc["subnets"] == network["awsvpcConfiguration"]["subnets"]
    assert vpc["assignPublicIp"] == "DISABLED"
    [failure] = answer["failures"]
    assert failure["reason"] == "MISSING"
    create = {"cluster": "stack", "serviceName": "app", "taskDefinition": "app"}
    message = refused(
        "InvalidParameterException",
        ecs.create_service,
        **create,
        desiredCount=1,
        networkConfiguration=network,
    )
    assert "not idempotent" in message


def test_only_what_changes_tasks_starts_a_deployment(ecs: Any, network: dict[str, Any]) -> None:
    for _ in range(2):
        ecs.register_task_definition(**definition())
    place = {"cluster": "stack", "networkConfiguration": network}
    ecs.create_service(serviceName="app", taskDefinition="app:1", desiredCount=1, **place)

    def deployments(**change: Any) -> int:
        answer = ecs.update_service(cluster="stack", service="app", **change)
        return len(answer["service"]["deployments"])

    assert deployments(desiredCount=2) == 1
    assert deployments(deploymentConfiguration={"maximumPercent": 150}) == 1
    assert deployments(healthCheckGracePeriodSeconds=10) == 1
    assert deployments(taskDefinition="app:1", networkConfiguration=network) == 1
    assert deployments(taskDefinition="app:2") == 2
    assert deployments(forceNewDeployment=True) == 3
    narrow = {"subnets": network["awsvpcConfiguration"]["subnets"][:1]}
    assert deployments(networkConfiguration={"awsvpcConfiguration": narrow}) == 4


def test_services_that_are_not_there(ecs: Any) -> None:
    gone = {"cluster": "stack", "service": "none"}
    refused("ServiceNotFoundException", ecs.update_service, **gone)
    refused("ServiceNotFoundException", ecs.delete_service, **gone)
    refused("InvalidParameterException", ecs.stop_task, cluster="stack", task="none")
