"""What pages, headers of playbooks and READMEs print to be typed, typed as it stands, against a released stack."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from sandbox.config import CHECKOUT
from tests.support import printed, stuck
from tests.support.stack import RELEASE, Sandbox

#: told by other tests of this scenario: they take minutes, or all that there is
ELSEWHERE = {"provision", "destroy"}
#: what a stack answers that has had one release, and none under way
REFUSED = {
    "rollback": "no release before it is|runs already",
    "runbook_release_continue": "No release waits for an answer",
}
#: without a reason it shows the holder, and refuses to force-unlock
UNNAMED = {"runbook_force_unlock": "Nobody holds it.* did not name it"}


def kind(command: str) -> str:
    """The playbook, and the names of what it is told: two reasons are as good as one."""
    return " ".join([playbook(command), *re.findall(r"(?<=\s)-{1,2}[a-z]+(?: '?\{?\"?\w+)?", command)])


def playbook(command: str) -> str:
    return Path(re.findall(r"\S+\.yml", command)[0]).stem


def commands() -> list[str]:
    """One command of each kind, for the sandbox instead of AWS."""
    found: dict[str, str] = {}
    for said in printed.calls(CHECKOUT):
        text = said.text.replace("release=X", f"release={RELEASE}").replace(" -i inventories/sandbox", "")
        if text.startswith("ansible-playbook") and playbook(text) not in ELSEWHERE:
            found.setdefault(kind(text), text)
    return [
        one.replace("-i inventories/tier1", "-i inventories/tier1 -i inventories/sandbox") for one in found.values()
    ]


@pytest.mark.parametrize("command", commands())
def test_a_printed_command_works_when_pasted(sandbox: Sandbox, command: str) -> None:
    before = len(sandbox.calls())
    process = stuck.Talking(
        ["bash", "-c", command],
        cwd=CHECKOUT,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", **stuck.TELLING},
    )
    output = re.sub(r"\s+", " ", process.output())
    if refused := (REFUSED if " -e " in command else REFUSED | UNNAMED).get(playbook(command)):
        assert process.returncode != 0, output
        assert re.search(refused, output), output
    else:
        assert process.returncode == 0, output
    assert {one for one in sandbox.changes_since(before) if one != "ecs RunTask"} == set(), (
        "they tell what is so already"
    )
