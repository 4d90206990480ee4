"""Task definitions on an ECS that is eventually consistent: the list of a family lags behind what was registered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from plugins.modules import ecs_task_definition
from tests.support.ops.own_modules import call, environment
from tests.support.sandbox.api_only import LocalApi, serving

OPTIONS: dict[str, Any] = {
    "image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/t1@sha256:" + "1" * 64,
    "cpu": 256,
    "memory": 512,
    "port": 8000,
    "environment": {"A": "1"},
    "execution_role_arn": "arn:aws:iam::123456789012:role/t1-execution",
    "task_role_arn": "arn:aws:iam::123456789012:role/t1-task",
    "log_group": "/ecs/t1",
    "tags": {"Stack": "t1"},
}


class Lagging:
    """ECS whose list of a family is that of before."""

    def __init__(self, ecs: Any, listed: list[str]) -> None:
        self._ecs, self._listed = ecs, listed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ecs, name)

    def list_task_definitions(self, **request: Any) -> dict[str, Any]:
        return {"taskDefinitionArns": self._listed}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalApi]:
    with serving(tmp_path_factory.mktemp("definitions") / "sandbox") as api, environment(api):
        yield api


def registered(family: str, **options: Any) -> dict[str, Any]:
    answer = call(ecs_task_definition.main, **OPTIONS | {"family": family} | options)
    assert "failed" not in answer, answer
    return answer


def lag(monkeypatch: pytest.MonkeyPatch, api: LocalApi, *listed: str) -> None:
    ecs = Lagging(api.client("ecs"), list(listed))
    monkeypatch.setattr(AnsibleAWSModule, "client", lambda self, service, **_: ecs)


def test_a_revision_is_registered_once(api: LocalApi) -> None:
    first, again = registered("once"), registered("once")
    assert (first["changed"], again["changed"]) == (True, False)
    assert first["resource"] == again["resource"]
    assert first["resource"]["tags"] == {"Stack": "t1"}


def test_what_was_registered_is_given_though_the_list_lags(api: LocalApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a release would be compared with the revision before, and be unchanged."""
    old = registered("lagging")["resource"]["arn"]
    lag(monkeypatch, api, old)
    answer = registered("lagging", environment={"A": "2"})
    assert (answer["changed"], answer["resource"]["environment"]) == (True, {"A": "2"})
    assert answer["resource"]["arn"] == old.removesuffix(":1") + ":2"


def test_a_family_s_first_revision_is_given_though_the_list_lags(
    api: LocalApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    lag(monkeypatch, api)
    assert registered("first")["resource"]["arn"].endswith(":task-definition/first:1")
