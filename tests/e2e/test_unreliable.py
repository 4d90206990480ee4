"""An API that throttles and fails now and then: provisioning ends with the very same stack."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.config import CHECKOUT, Settings
from tests.support.inventory import inventory
from tests.support.stack import STACK, Sandbox

ZONE = "tier1.campshub360.example"
#: ids, addresses and moments: what AWS makes up for each stack anew
MADE_UP = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|\d{4}-\d\d-\d\d[ T][\d:.+]+Z?"
    r"|\b_?[0-9a-f]{16,32}\b|(?<=-)[0-9a-f]{8,17}\b|(?<=/)(?:\d{12,}|[0-9A-Z]{14,})\b"
    r"|\b[A-Za-z0-9]{64}\b"
    r"|\b(?:Z|AROA|AIDA|db-)[0-9A-Z]{10,}\b"
    r"|(?<=secret:)([\w/!-]+)-\w{6}\b"
    r"|(?<=[.-])\w{6,14}(?=\.us-east-1\.rds|\.use1\.cache|\.us-east-1\.elb)"
    r"|\b\d+\.\d+\.\d+\.\d+\b(?!/)|\bip-\d+-\d+-\d+-\d+\b"
)
#: moments that are numbers; weights, services and versions of secrets, which are state
APART = {"creationTime", "Weight", "CallerReference", "activeServicesCount", "SecretVersionsToStages"}


@pytest.fixture(scope="module")
def unreliable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox of its own, where one call in twenty is throttled and one in fifty fails."""
    sandbox = Sandbox(Settings(tmp_path_factory.mktemp("unreliable") / "sandbox", "127.38"))
    try:
        command(sandbox, "up", "--faults", "throttle=5,error=2", "--seed", "1")
        yield sandbox
    finally:
        command(sandbox, "down")


def command(sandbox: Sandbox, *words: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "sandbox", *words],
        cwd=CHECKOUT,
        env=os.environ | environment(sandbox),
        check=True,
    )


def environment(sandbox: Sandbox) -> dict[str, str]:
    return {"SANDBOX_DIR": str(sandbox.settings.root), "SANDBOX_NET": sandbox.settings.net}


def alike(sandbox: Sandbox) -> list[str]:
    """A line for each thing that the stack consists of, the same for every stack built so."""
    held = inventory(sandbox.client, STACK, ZONE)
    return sorted(
        json.dumps(nameless([name, item]), sort_keys=True) for name, item in held.items() if name != "services"
    )


def nameless(value: Any) -> Any:
    if isinstance(value, dict):
        return {MADE_UP.sub("*", key): nameless(item) for key, item in value.items() if key not in APART}
    if isinstance(value, list):
        return sorted((nameless(item) for item in value), key=json.dumps)
    return MADE_UP.sub("*", value) if isinstance(value, str) else value


def test_provisioning_ends_with_the_same_stack(sandbox: Sandbox, unreliable: Sandbox) -> None:
    played = unreliable.play("provision", environment=environment(unreliable))
    assert played.code == 0, played.output[-4000:]
    statuses = [call["status"] for call in unreliable.calls()]
    assert sum(status >= 500 for status in statuses) > 10
    assert set(alike(unreliable)) ^ set(alike(sandbox)) == set()
