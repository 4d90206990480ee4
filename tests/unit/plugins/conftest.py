"""Service deployments of the sandbox's ECS, for the modules that observe and step them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.services.ecs.deployment import stages as ecs_deployments
from tests.support.ops.own_modules import environment
from tests.support.sandbox.api_only import serving
from tests.support.sandbox.service_deployments import Region, Scene


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    with serving(tmp_path_factory.mktemp("releases") / "sandbox") as api, environment(api):
        yield Region(api)


@pytest.fixture
def scene(region: Region, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(ecs_deployments, "SETTLE", 0.0)
    return Scene(region)


@pytest.fixture
def log(tmp_path: Path) -> str:
    """The event log of a run."""
    return str(tmp_path / "run" / "events.jsonl")
