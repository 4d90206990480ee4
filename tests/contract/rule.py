"""A rule reads a checkout and says what breaks it; beside each rule stand broken files that it must object to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]

Check = Callable[[Path], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Broken:
    """Files of a small checkout that breaks a rule, and a word that the objection must hold."""

    objection: str
    files: Mapping[str, str]

    def write(self, root: Path) -> None:
        for name, text in self.files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


@dataclass(frozen=True, slots=True)
class Rule:
    check: Check
    broken: tuple[Broken, ...]

    @property
    def name(self) -> str:
        return self.check.__name__

    def objections(self, root: Path) -> list[str]:
        return list(self.check(root))


RULES: list[Rule] = []


def rule(*broken: Broken) -> Callable[[Check], Check]:
    """Register a check together with what it must object to; without that, nobody knows whether it can."""

    def register(check: Check) -> Check:
        if not broken:
            raise ValueError(f"{check.__name__} has no broken specimen")
        RULES.append(Rule(check, broken))
        return check

    return register
