"""The released stack that these tests release on, one after the other, and leave with a good release."""

from __future__ import annotations

import pytest

from sandbox.config import Settings
from sandbox.runtime.network import read_hosts
from tests.support import variants
from tests.support.releases import QUICK, Push, Releases
from tests.support.runner import Runner
from tests.support.stack import STACK, Ask, Sandbox


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    return Sandbox(Settings.from_environment())


@pytest.fixture(scope="session")
def releases(sandbox: Sandbox) -> Releases:
    return Releases(sandbox)


@pytest.fixture(scope="session")
def runner(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """Calls playbooks as AWX does."""
    return Runner(sandbox, tmp_path_factory.mktemp("runner"), QUICK)


@pytest.fixture(scope="session")
def ask(sandbox: Sandbox) -> Ask:
    balancer = sandbox.client("elbv2").describe_load_balancers(Names=[STACK])["LoadBalancers"][0]
    root = sandbox.settings.root
    return Ask(read_hosts(root / "hosts")[balancer["DNSName"].lower()], root / "ca.pem")


@pytest.fixture(scope="session")
def push(tmp_path_factory: pytest.TempPathFactory) -> Push:
    """Builds a variant of the application and pushes it as that release."""

    def push(tag: str, variant: variants.Variant) -> None:
        variants.push(variant, tag, tmp_path_factory.mktemp("image"))

    return push
