"""The wiring resolves for a stack of which nothing exists yet, with the types that every entry point specifies."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import boto3
import moto
import pytest
import yaml
from moto.backends import get_backend

from ops.stack.discovery import FINDERS, find_stack
from ops.stack.model import Stack, StackFound
from tests.contract.files import load, roles
from tests.contract.inventories import WIRING
from tests.contract.rule import CHECKOUT

REGION = "us-east-1"
ACCOUNT = "123456789012"


@pytest.fixture(scope="module")
def nothing_found() -> dict[str, Any]:
    """Return `stack_found` of an empty account, found by the very functions that find stacks."""
    stack = Stack("campshub360-tier1", ACCOUNT, REGION, "aws", "nowhere.example")

    def create_client(service: str) -> Any:
        return boto3.client(service, region_name=REGION)

    for finder in FINDERS:
        get_backend(finder.service)  # here, as moto's modules import each other, and finders ask from several threads
    with moto.mock_aws():
        return asdict(find_stack(create_client, stack, "arn:aws:iam::1:user/nobody", "20261125T113000Z"))


def every_entry_point(found: dict[str, Any], wiring: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a play that calls all of them. Under another tag than theirs, only their arguments are validated."""
    return [
        {
            "name": "Validate every argument",
            "hosts": "all",
            "vars": {**wiring, "stack_found": found},
            "tasks": [
                {
                    "name": f"{role.name}, {entry}",
                    "ansible.builtin.import_role": {"name": role.name, "tasks_from": entry},
                    "tags": ["run"],
                }
                for role in roles(CHECKOUT)
                for entry in role.entries
            ],
        }
    ]


def validate(play: list[dict[str, Any]], folder: Path, *inventories: str) -> subprocess.CompletedProcess[str]:
    playbook = folder / "validate.yml"
    playbook.write_text(yaml.safe_dump(play))
    words = [f"--inventory=inventories/{name}" for name in inventories]
    program = Path(sys.executable).with_name("ansible-playbook")
    return subprocess.run(
        [str(program), *words, "--tags", "always", str(playbook)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("inventories", [("tier1",), ("tier1", "sandbox"), ("tier1_lean", "sandbox")], ids="+".join)
def test_every_argument_is_valid_before_anything_exists(
    inventories: tuple[str, ...], nothing_found: dict[str, Any], tmp_path: Path
) -> None:
    run = validate(every_entry_point(nothing_found, load(CHECKOUT / WIRING)), tmp_path, *inventories)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f" ok={sum(len(role.entries) for role in roles(CHECKOUT))} " in run.stdout, "not every entry point was asked"


def test_a_wrong_type_is_found(nothing_found: dict[str, Any], tmp_path: Path) -> None:
    wiring = load(CHECKOUT / WIRING) | {"release_needs": "not a dictionary"}
    run = validate(every_entry_point(nothing_found, wiring), tmp_path, "tier1", "sandbox")
    assert run.returncode != 0
    assert "release_needs" in run.stdout, run.stdout


def test_the_wiring_makes_no_placeholder_of_its_own() -> None:
    """Whoever reads a part of `stack_found` gets its placeholder: one home, and one way to tell it from a value."""
    text = (CHECKOUT / WIRING).read_text()
    assert "stack_found." in text
    assert re.findall(r"\S*-pending\S*", text) == []


def test_an_empty_account_gives_nothing_but_placeholders(nothing_found: dict[str, Any]) -> None:
    known = ("account_id", "region", "partition", "caller_arn", "at", "run_id")
    empty = asdict(StackFound(**{name: nothing_found[name] for name in known}))
    assert nothing_found == empty
