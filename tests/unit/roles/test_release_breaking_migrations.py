"""What a release makes of its own plan of migrations: the checks as they stand in the role, on what the task wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.config import CHECKOUT

ROLE = CHECKOUT / "roles/release"
ASSERT = "ansible.builtin.assert"
BREAKING = {"migration": "campus.0007_gone", "kind": "breaking", "operations": ["RemoveField"]}
COMPATIBLE = {"migration": "campus.0006_notes", "kind": "compatible", "operations": ["AddField"]}


def plan(*pending: dict[str, Any]) -> dict[str, Any]:
    return {"lines": [json.dumps({"message": "migration plan", "before": "a", "after": "b", "pending": pending})]}


def checked(folder: Path, migrations: dict[str, Any], allowed: bool) -> subprocess.CompletedProcess[str]:
    tasks = yaml.safe_load((ROLE / "tasks/preflight.yml").read_text())
    checks = [task for task in tasks if ASSERT in task and "__release_schema" in str(task)]
    known = {
        "release": "1.2.0",
        "release_allow_breaking_migrations": allowed,
        "release_log_group": "/ecs/t1",
        "__release_migrations": migrations,
    }
    files = [str(ROLE / "vars/main.yml")]
    play = [{"hosts": "localhost", "gather_facts": False, "vars_files": files, "vars": known, "tasks": checks}]
    (folder / "play.yml").write_text(yaml.safe_dump(play))
    program = Path(sys.executable).with_name("ansible-playbook")
    command = [str(program), "--inventory=localhost,", "--connection=local", str(folder / "play.yml")]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("migrations", "allowed"),
    [(plan(), False), (plan(COMPATIBLE), False), (plan(COMPATIBLE, BREAKING), True), ({"skipped": True}, False)],
    ids=["nothing pending", "nothing taken away", "somebody said so", "nothing due"],
)
def test_a_plan_that_takes_nothing_away_passes(migrations: dict[str, Any], allowed: bool, tmp_path: Path) -> None:
    run = checked(tmp_path, migrations, allowed)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    ("migrations", "allowed", "says"),
    [
        (plan(COMPATIBLE, BREAKING), False, "remove or tighten what the release before it uses: campus.0007_gone"),
        ({"lines": []}, False, "its log shows no migration plan"),
        ({"lines": ["starting"]}, False, "its log shows no migration plan"),
        ({"lines": []}, True, "its log shows no migration plan"),  # then rollbacks would not know of it either
    ],
    ids=["taken away", "no line", "other lines", "no line, whatever somebody said"],
)
def test_what_takes_away_or_says_nothing_is_refused(
    migrations: dict[str, Any], allowed: bool, says: str, tmp_path: Path
) -> None:
    run = checked(tmp_path, migrations, allowed)
    assert run.returncode != 0
    assert says in " ".join(run.stdout.split()), run.stdout + run.stderr
