"""The provisioned and released estate that these tests look at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.config import Settings
from sandbox.runtime.network import read_hosts
from tests.estate import ESTATE, Ask, Sandbox


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
    balancer = sandbox.client("elbv2").describe_load_balancers(Names=[ESTATE])["LoadBalancers"][0]
    return read_hosts(root / "hosts")[balancer["DNSName"].lower()]


@pytest.fixture(scope="session")
def ask(address: str, ca: Path) -> Ask:
    return Ask(address, ca)


@pytest.fixture(scope="session")
def secrets(sandbox: Sandbox) -> dict[str, str]:
    """Every secret value of the account, by name; of a JSON secret, its whole text."""
    manager = sandbox.client("secretsmanager")
    names = [secret["Name"] for secret in manager.list_secrets()["SecretList"]]
    return {name: manager.get_secret_value(SecretId=name)["SecretString"] for name in names}


@pytest.fixture(scope="session")
def needles(secrets: dict[str, str]) -> dict[str, str]:
    """What must be found nowhere: secret values by name; of a JSON secret, its password."""
    found = {name: json.loads(text)["password"] if text.startswith("{") else text for name, text in secrets.items()}
    assert len(found) >= 5
    assert all(len(value) >= 16 for value in found.values())
    return found


@pytest.fixture
def service(sandbox: Sandbox) -> Any:
    return sandbox.client("ecs").describe_services(cluster=ESTATE, services=[f"{ESTATE}-app"])["services"][0]
