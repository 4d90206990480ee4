"""A rule reads a checkout and yields its violations; beside each rule stand broken files that it must report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]

Check = Callable[[Path], Iterable[str]]


def write(root: Path, files: Mapping[str, str]) -> None:
    """Write the files of a small checkout."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@dataclass(frozen=True, slots=True)
class Broken:
    """Files of a small checkout that breaks a rule, and a text that one of the violations must hold."""

    violation: str
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sound:
    """Files of a small checkout that resembles a broken one, and that a rule must let pass."""

    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Rule:
    check: Check
    broken: tuple[Broken, ...]
    sound: tuple[Sound, ...]

    @property
    def name(self) -> str:
        return self.check.__name__

    def violations(self, root: Path) -> list[str]:
        return list(self.check(root))


RULES: list[Rule] = []


def rule(*specimens: Broken | Sound) -> Callable[[Check], Check]:
    """Register a check with its specimens. Without a broken one nobody knows whether it can fail: that is refused."""
    broken = tuple(one for one in specimens if isinstance(one, Broken))
    sound = tuple(one for one in specimens if isinstance(one, Sound))

    def register(check: Check) -> Check:
        if not broken:
            raise ValueError(f"{check.__name__} has no broken specimen")
        RULES.append(Rule(check, broken, sound))
        return check

    return register
