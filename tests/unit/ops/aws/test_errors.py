"""AWS's errors as failures of a module, and as "there is none"."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, NoRegionError

from ops.aws.ecs import deployments
from ops.aws.elb import forwarded, group_name
from ops.aws.errors import failing_with
from ops.stack.ownership import AmbiguousError


class Module:
    def fail_json(self, **result: Any) -> None:
        self.failure = result
        raise SystemExit(1)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            ClientError({"Error": {"Code": "Denied", "Message": "No."}}, "CreateThing"),
            "Could not x: Denied: No. (CreateThing)",
        ),
        (NoRegionError(), "Could not x: You must specify a region."),
        (AmbiguousError("two of them"), "two of them"),
    ],
)
def test_an_error_of_aws_fails_the_module(error: Exception, message: str) -> None:
    module = Module()
    with pytest.raises(SystemExit), failing_with(module, "Could not x"):
        raise error
    assert module.failure["msg"] == message


def test_another_error_passes() -> None:
    with pytest.raises(KeyError), failing_with(Module(), "Could not x"):
        raise KeyError("x")


class Ecs:
    """Lists deployments in two pages, the older ones first."""

    def list_service_deployments(self, **request: Any) -> dict[str, Any]:
        if request.get("nextToken"):
            return {"serviceDeployments": [{"createdAt": 3}, {"createdAt": 2}]}
        return {"serviceDeployments": [{"createdAt": 1}], "nextToken": "more"}


class Nothing:
    def __init__(self, code: str) -> None:
        self.code = code

    def list_service_deployments(self, **_: Any) -> dict[str, Any]:
        raise ClientError({"Error": {"Code": self.code}}, "ListServiceDeployments")


def test_deployments_of_all_pages_come_newest_first() -> None:
    assert [one["createdAt"] for one in deployments(Ecs(), "c", "s")] == [3, 2, 1]
    assert deployments(Nothing("ServiceNotFoundException"), "c", "s") == []
    assert deployments(Nothing("ClusterNotFoundException"), "c", "s") == []
    with pytest.raises(ClientError):
        deployments(Nothing("ThrottlingException"), "c", "s")


def test_weights_of_the_forward_action() -> None:
    blue, green = (f"arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/{name}/0a" for name in ("blue", "green"))
    groups = [{"TargetGroupArn": blue, "Weight": 0}, {"TargetGroupArn": green}]
    assert forwarded([{"Type": "fixed-response"}, {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]) == {
        "blue": 0,
        "green": 1,
    }
    assert forwarded([{"Type": "forward", "TargetGroupArn": blue}]) == {"blue": 1}
    assert forwarded([{"Type": "redirect"}]) == {}
    assert group_name(green) == "green"
