"""This checkout keeps every rule, and every rule objects to what breaks it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract import (
    inventories,
    modules,
    playbooks,
    pythons,
    repository,
    roles,
    rooms,
    tasks,
    variables,
    waits,
    wording,
)
from tests.contract.rule import CHECKOUT, RULES, Broken, Rule

# Importing these registers their rules.
assert all((inventories, modules, playbooks, pythons, repository, roles, rooms, tasks, variables, waits, wording))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_this_checkout_keeps(rule: Rule) -> None:
    if objections := rule.objections(CHECKOUT):
        pytest.fail("\n".join([f"{rule.name.replace('_', ' ')}:", *objections]), pytrace=False)


@pytest.mark.parametrize(
    ("rule", "broken"),
    [pytest.param(rule, broken, id=f"{rule.name}-{n}") for rule in RULES for n, broken in enumerate(rule.broken)],
)
def test_is_objected_to(rule: Rule, broken: Broken, tmp_path: Path) -> None:
    broken.write(tmp_path)
    objections = rule.objections(tmp_path)
    assert any(broken.objection in objection for objection in objections), objections
