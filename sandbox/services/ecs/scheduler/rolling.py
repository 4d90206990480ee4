"""The rolling deployment: which tasks of a service to start and to stop next. No side effects.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Health = Literal["starting", "healthy", "unhealthy"]


@dataclass(frozen=True, slots=True)
class Member:
    """A task that is meant to run. `current`: of the deployment that is being rolled out."""

    id: str
    current: bool
    health: Health
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """What to do now: how many tasks of the current deployment to start, which tasks to stop."""

    start: int = 0
    stop: tuple[str, ...] = ()


def step(members: Sequence[Member], *, desired: int, minimum_percent: int, maximum_percent: int) -> Step:
    """The next step; an empty one when there is nothing to do, or something to wait for."""
    least = math.ceil(desired * minimum_percent / 100)
    most = math.floor(desired * maximum_percent / 100)
    good = [m for m in members if m.current and m.health != "unhealthy"]
    others = [m for m in members if m not in good]
    room = max(0, most - len(members))
    start = max(0, min(desired - len(good), room))
    surplus = _surplus(good, len(good) - desired)
    healthy = sum(m.health == "healthy" for m in members)
    if sum(m.health == "healthy" for m in good) >= desired:
        return Step(start, (*surplus, *(m.id for m in others)))
    return Step(start, (*surplus, *_replaceable(others, healthy - least, crowded=not room)))


def complete(members: Sequence[Member], desired: int) -> bool:
    """Whether the service runs what it should, and nothing else."""
    return len(members) == desired and all(m.current and m.health == "healthy" for m in members)


def _replaceable(others: Sequence[Member], spare: int, *, crowded: bool) -> list[str]:
    """What may go before its successors are healthy.

    Old tasks that are no help, and as many healthy ones as can be spared. An unhealthy task of
    the current deployment keeps its place until a successor has come, if there is room for one;
    else one at a time makes room.
    """
    idle = [m.id for m in others if not m.current and m.health != "healthy"]
    spared = [m.id for m in others if m.health == "healthy"][: max(0, spare)]
    ill = [m.id for m in others if m.current]
    return [*idle, *spared, *(ill[:1] if crowded and not idle and not spared else [])]


def _surplus(good: Sequence[Member], count: int) -> list[str]:
    """Tasks too many: those that don't serve yet first, then from the fullest zone."""
    kept, gone = list(good), list[str]()
    for _ in range(count):
        crowd = Counter(m.zone for m in kept)
        chosen = max(kept, key=lambda m: (m.health == "starting", crowd[m.zone]))
        kept.remove(chosen)
        gone.append(chosen.id)
    return gone
