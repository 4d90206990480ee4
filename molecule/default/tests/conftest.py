"""The provisioned and released stack that these tests look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox.config import Settings
from sandbox.runtime.network import read_hosts
from tests.support.stack import STACK, Ask, Sandbox, secret_values


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    return Sandbox(Settings.from_environment())


@pytest.fixture(scope="session")
def root(sandbox: Sandbox) -> Path:
    return sandbox.settings.root


@pytest.fixture(scope="session")
def ca(root: Path) -> Path:
    return root / "ca.pem"


@pytest.fixture(scope="session")
def address(sandbox: Sandbox, root: Path) -> str:
    """Where the load balancer listens, on this machine."""
    balancer = sandbox.client("elbv2").describe_load_balancers(Names=[STACK])["LoadBalancers"][0]
    return read_hosts(root / "hosts")[balancer["DNSName"].lower()]


@pytest.fixture(scope="session")
def ask(address: str, ca: Path) -> Ask:
    return Ask(address, ca)


@pytest.fixture(scope="session")
def needles(sandbox: Sandbox) -> dict[str, str]:
    return secret_values(sandbox.client("secretsmanager"))


@pytest.fixture
def service(sandbox: Sandbox) -> Any:
    return sandbox.client("ecs").describe_services(cluster=STACK, services=[f"{STACK}-app"])["services"][0]
