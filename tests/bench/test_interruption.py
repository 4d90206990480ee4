"""ansible-playbook killed at ten moments: the next run completes, and the one after it changes nothing."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.support.places import Place
from tests.support.stack import Played, Sandbox

SEED = 20260101
#: playbook, and how many calls that change something it makes at least
STEPS = (("provision", 125), ("deploy", 8), ("destroy", 55))
MOMENTS = 10


def moments() -> list[tuple[str, int]]:
    """Playbooks in turn, from an empty account on, and after how many calls each is killed."""
    dice = random.Random(SEED)
    return [(name, dice.randint(1, most)) for name, most in (STEPS[n % len(STEPS)] for n in range(MOMENTS))]


@pytest.fixture(scope="module")
def place(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Place:
    values = {"dns_zone_name": "killed.campshub360.example"}
    return Place(sandbox, "campshub360-killed", tmp_path_factory.mktemp("killed"), values=values)


def done(played: Played) -> None:
    assert played.code == 0, played.output


@pytest.mark.parametrize(("playbook", "calls"), moments())
def test_the_next_run_completes_and_the_one_after_changes_nothing(place: Place, playbook: str, calls: int) -> None:
    if playbook == "deploy":
        place.push("1.0.0")
    place.kill(playbook, calls)
    done(place.play(playbook))
    again = place.play(playbook)
    done(again)
    assert again.changed == 0, again.output


def test_the_stack_can_be_destroyed(place: Place, tmp_path: Path) -> None:
    done(place.play("destroy"))
