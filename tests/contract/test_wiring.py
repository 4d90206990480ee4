"""The wiring resolves for a stack of which nothing exists yet, with the types that every entry point specifies."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import moto
import pytest
import yaml

from tests.contract.files import load, roles
from tests.contract.inventories import WIRING
from tests.contract.rule import CHECKOUT

REGION = "us-east-1"
ACCOUNT = "123456789012"


@pytest.fixture(scope="module")
def nothing_found() -> dict[str, Any]:
    """`stack_found` of an empty account, found by the very functions that find stacks."""
    finders = importlib.import_module("ops.stack.discovery")
    stack = finders.Stack("campshub360-tier1", ACCOUNT, REGION, "aws", "nowhere.example")
    found = {"account_id": ACCOUNT, "region": REGION, "partition": "aws", "caller_arn": "arn:aws:iam::1:user/nobody"}
    found["at"] = "20261125T113000Z"
    with moto.mock_aws():
        for finder in finders.FINDERS:
            found |= finder.find(boto3.client(finder.service, region_name=REGION), stack)
    return found


def every_entry_point(found: dict[str, Any], wiring: dict[str, Any]) -> list[dict[str, Any]]:
    """A play that calls all of them. Under another tag than theirs, only their arguments are validated."""
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


def test_finding_gives_the_wiring_all_that_it_reads(nothing_found: dict[str, Any]) -> None:
    """Were a key renamed on one side only, a placeholder would hide it for good."""
    text = (CHECKOUT / WIRING).read_text()
    assert "stack_found." in text
    for line in text.splitlines():
        for read in (word for word in line.replace("(", " ").replace(")", " ").split() if "stack_found." in word):
            part = read.split("stack_found.")[1].split(".")[0].split("[")[0].strip(",}\"'")
            assert part in nothing_found, f"{line.strip()}: stack finds no {part}"
