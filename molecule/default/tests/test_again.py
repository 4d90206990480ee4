"""A second run changes nothing, a check sees nothing to change, and not even -vvv shows a secret."""

from __future__ import annotations

import pytest

from sandbox.config import CHECKOUT
from tests.contract.files import roles
from tests.support.stack import RELEASE, Sandbox, revealed

PROVISIONED = [role.name for role in roles(CHECKOUT) if role.name not in ("stack", "lock", "probe", "report")]


def test_a_check_of_the_built_stack_reports_no_change(sandbox: Sandbox) -> None:
    before = len(sandbox.calls())
    played = sandbox.play("provision", "--check", "--diff")
    assert (played.code, played.changed) == (0, 0), played.output
    assert sandbox.changes_since(before) == []


def test_the_same_release_again_changes_nothing(sandbox: Sandbox, needles: dict[str, str]) -> None:
    before = len(sandbox.calls())
    played = sandbox.play("deploy", "-vvv", "-e", f"release={RELEASE}")
    assert (played.code, played.changed) == (0, 0), played.output
    assert revealed(played.output, needles) == []
    assert sandbox.changes_since(before) == []


@pytest.mark.parametrize("role", PROVISIONED)
def test_each_role_s_tag_works_alone(sandbox: Sandbox, needles: dict[str, str], role: str) -> None:
    played = sandbox.play("provision", "-vvv", "--tags", role)
    assert (played.code, played.changed) == (0, 0), played.output
    assert revealed(played.output, needles) == []


def test_one_screen_tells_what_the_stack_is_doing(sandbox: Sandbox) -> None:
    played = sandbox.play("status")
    assert (played.code, played.changed) == (0, 0), played.output
    assert "3 of 3 tasks running" in played.output
    assert "3 healthy" in played.output
