"""This checkout keeps every rule, and every rule reports its broken specimens and lets the sound ones pass."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from tests.contract.rule import CHECKOUT, RULES, Broken, Rule, Sound, write

# Importing a file registers its rules.
for _path in sorted(Path(__file__).parent.glob("[a-z]*.py")):
    if not _path.stem.startswith("test_"):
        importlib.import_module(f"tests.contract.{_path.stem}")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_this_checkout_keeps(rule: Rule) -> None:
    if violations := rule.violations(CHECKOUT):
        pytest.fail("\n".join([f"{rule.name.replace('_', ' ')}:", *violations]), pytrace=False)


@pytest.mark.parametrize(
    ("rule", "broken"),
    [pytest.param(rule, broken, id=f"{rule.name}-{n}") for rule in RULES for n, broken in enumerate(rule.broken)],
)
def test_is_reported(rule: Rule, broken: Broken, tmp_path: Path) -> None:
    write(tmp_path, broken.files)
    violations = rule.violations(tmp_path)
    assert any(broken.violation in violation for violation in violations), violations


@pytest.mark.parametrize(
    ("rule", "sound"),
    [pytest.param(rule, sound, id=f"{rule.name}-{n}") for rule in RULES for n, sound in enumerate(rule.sound)],
)
def test_passes(rule: Rule, sound: Sound, tmp_path: Path) -> None:
    write(tmp_path, sound.files)
    assert rule.violations(tmp_path) == []
