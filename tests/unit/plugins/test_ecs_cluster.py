"""A cluster comes up in a new account, and goes although a one-off task still runs in it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from plugins.modules.ecs_cluster import EcsCluster

DESIRED = {"container_insights": "enabled", "capacity_providers": ["FARGATE"], "default_strategy": [], "tags": {}}


def answering(*errors: tuple[str, str], calls: list[str], name: str) -> Callable[..., None]:
    """A call that fails so, time after time, and then does not."""
    left = list(errors)

    def call(**_request: Any) -> None:
        calls.append(name)
        if left:
            code, message = left.pop(0)
            raise ClientError({"Error": {"Code": code, "Message": message}}, name)

    return call


def cluster(**operations: Any) -> EcsCluster:
    params = {"name": "t1", "poll_seconds": 0.001}
    module: Any = SimpleNamespace(params=params, client=lambda service: SimpleNamespace(**operations))
    return EcsCluster(module)


def test_the_first_cluster_of_an_account_waits_for_the_role_that_ecs_makes() -> None:
    calls: list[str] = []
    early = ("InvalidParameterException", "Unable to assume the service linked role. Please verify that it exists.")
    cluster(create_cluster=answering(early, early, calls=calls, name="create")).create(DESIRED)
    assert calls == ["create"] * 3


def test_another_invalid_parameter_is_one() -> None:
    calls: list[str] = []
    wrong = ("InvalidParameterException", "The specified capacity provider was not found.")
    with pytest.raises(ClientError):
        cluster(create_cluster=answering(wrong, calls=calls, name="create")).create(DESIRED)
    assert calls == ["create"]


def test_tasks_that_still_run_are_stopped_and_the_cluster_goes_when_they_have() -> None:
    calls: list[str] = []
    busy = ("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")
    cluster(
        get_paginator=lambda operation: SimpleNamespace(paginate=lambda **request: [{"taskArns": ["a", "b"]}]),
        stop_task=answering(calls=calls, name="stop"),
        delete_cluster=answering(busy, calls=calls, name="delete"),
    ).delete({})
    assert calls == ["stop", "stop", "delete", "delete"]
