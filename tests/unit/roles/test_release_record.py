"""What a release writes down of itself, as the role's own expressions say it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import filter_loader
from ansible.template import Templar, trust_as_template

from sandbox.config import CHECKOUT

ROLE = yaml.safe_load((CHECKOUT / "roles/release/vars/main.yml").read_text())


def said(name: str, **known: Any) -> Any:
    filter_loader.add_directory(str(CHECKOUT / "plugins/filter"))
    expressions = {key: trust_as_template(value) for key, value in ROLE.items() if isinstance(value, str)}
    variables = {**expressions, "release_history": [], "__release_plan": {"changes": []}, **known}
    return Templar(DataLoader(), variables=variables).template(trust_as_template(f"{{{{ {name} }}}}"))


def entry(number: int, outcome: str) -> dict[str, Any]:
    return {"release": f"1.{number}.0", "task_definition": f"app:{number}", "outcome": outcome}


HISTORY = [entry(3, "rolled back"), entry(2, "started"), entry(1, "released")]


def before(running: str | None) -> str:
    history = [*HISTORY, entry(0, "released")]
    expression = trust_as_template(ROLE["__release_facts"]["previous_release"])
    return str(said("previous", release_history=history, previous=expression, __release_found={"running": running}))


@pytest.mark.parametrize(("running", "release"), [("app:2", "1.2.0"), ("app:0", "1.0.0"), ("app:9", ""), (None, "")])
def test_the_release_before_is_what_ran(running: str | None, release: str) -> None:
    assert before(running) == release


@pytest.mark.parametrize(
    ("running", "outcome", "why"),
    [
        ("app:2", "released", "It ran already; now that is on record"),
        ("app:1", "unchanged", ""),
        ("app:9", "unchanged", ""),
    ],
)
def test_the_same_release_again_completes_a_record_that_has_no_end(running: str, outcome: str, why: str) -> None:
    known = {"release_history": HISTORY, "__release_found": {"running": running}}
    assert said("__release_outcome", **known) == outcome
    assert not why or said("__release_reason", **known) == why


def test_what_changes_something_is_a_release_like_any_other() -> None:
    known = {
        "release_history": HISTORY,
        "__release_found": {"running": "app:2"},
        "__release_plan": {"changes": ["task_definition"]},
    }
    assert (said("__release_outcome", **known), said("__release_reason", **known)) == ("started", "")


def test_before_anything_was_found_nothing_is_known() -> None:
    assert said("__release_outcome", ansible_failed_result={"msg": "No.\nMore."}, __release_plan=None) == "refused"
    assert said("__release_reason", ansible_failed_result={"msg": "No.\nMore."}) == "No."
