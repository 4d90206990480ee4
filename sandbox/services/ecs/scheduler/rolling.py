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
    """A task that is to run. `current`: it belongs to the deployment that is being rolled out."""

    id: str
    current: bool
    health: Health
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """The number of tasks of the current deployment to start now, and the tasks to stop now."""

    start: int = 0
    stop: tuple[str, ...] = ()


def step(members: Sequence[Member], *, desired: int, minimum_percent: int, maximum_percent: int) -> Step:
    """Return the next step; an empty one if nothing is to be done, or something is awaited."""
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
    """Return whether the service runs its desired tasks, and no others."""
    return len(members) == desired and all(m.current and m.health == "healthy" for m in members)


def _replaceable(others: Sequence[Member], spare: int, *, crowded: bool) -> list[str]:
    """Return the tasks that may stop before their successors are healthy.

    Unhealthy old tasks, and as many healthy ones as can be spared. An unhealthy task of the current deployment is kept
    until a successor is there, if there is room for one; else they stop one at a time.
    """
    idle = [m.id for m in others if not m.current and m.health != "healthy"]
    spared = [m.id for m in others if m.health == "healthy"][: max(0, spare)]
    ill = [m.id for m in others if m.current]
    return [*idle, *spared, *(ill[:1] if crowded and not idle and not spared else [])]


def _surplus(good: Sequence[Member], count: int) -> list[str]:
    """Return surplus tasks: first those that don't serve yet, then those in the fullest zone."""
    kept, gone = list(good), list[str]()
    for _ in range(count):
        crowd = Counter(m.zone for m in kept)
        chosen = max(kept, key=lambda m: (m.health == "starting", crowd[m.zone]))
        kept.remove(chosen)
        gone.append(chosen.id)
    return gone
