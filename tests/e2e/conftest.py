"""A released stack, which these tests share and leave as it was."""

from __future__ import annotations

import pytest

from sandbox.config import Settings
from tests.support.stack import STACK, Sandbox


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    """The sandbox in SANDBOX_DIR, with a released stack in it."""
    found = Sandbox(Settings.from_environment())
    services = found.client("ecs").describe_services(cluster=STACK, services=[f"{STACK}-app"])["services"]
    assert services, "There is no released stack to refuse things to. Run: make test"
    return found


@pytest.fixture
def definition(sandbox: Sandbox) -> str:
    """The task definition that runs."""
    services = sandbox.client("ecs").describe_services(cluster=STACK, services=[f"{STACK}-app"])["services"]
    return str(services[0]["taskDefinition"])
