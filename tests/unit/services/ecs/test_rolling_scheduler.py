"""Rolling deployments, step by step, without a process."""

from __future__ import annotations

import time

import pytest

from sandbox.control.clock import Clock
from sandbox.services.ecs.scheduler.rolling import Health, Member, Step, complete, step
from sandbox.services.ecs.scheduler.throttle import Throttle

THREE: tuple[Health, ...] = ("healthy", "healthy", "healthy")


def old(*health: Health) -> list[Member]:
    return [Member(f"old{i}", False, one) for i, one in enumerate(health)]


def new(*health: Health) -> list[Member]:
    return [Member(f"new{i}", True, one) for i, one in enumerate(health)]


def after(members: list[Member], desired: int = 3, minimum: int = 100, maximum: int = 200) -> Step:
    return step(members, desired=desired, minimum_percent=minimum, maximum_percent=maximum)


def test_a_new_service_starts_all_at_once() -> None:
    assert after([]) == Step(start=3)


def test_successors_start_before_anything_stops() -> None:
    assert after(old(*THREE)) == Step(start=3)
    assert after(old(*THREE) + new("starting", "starting", "starting")) == Step()


def test_an_old_task_goes_for_each_healthy_successor() -> None:
    members = old(*THREE) + new("healthy", "starting", "starting")
    assert after(members) == Step(stop=("old0",))
    members = old(*THREE) + new(*THREE)
    assert after(members) == Step(stop=("old0", "old1", "old2"))


def test_the_maximum_bounds_what_starts() -> None:
    assert after(old(*THREE), maximum=150) == Step(start=1)
    assert after(old(*THREE), minimum=50, maximum=100) == Step(stop=("old0",))


def test_the_minimum_bounds_what_stops() -> None:
    assert after(old("healthy", "healthy"), desired=2, minimum=0, maximum=100) == Step(stop=("old0", "old1"))


def test_a_broken_old_task_is_no_loss() -> None:
    assert after(old("healthy", "unhealthy", "healthy")) == Step(start=3, stop=("old1",))


def test_an_ill_task_keeps_its_place_until_its_successor_is_healthy() -> None:
    ill = [Member("ill", True, "unhealthy")]
    assert after(new("healthy", "healthy") + ill) == Step(start=1)
    assert after(new("healthy", "healthy", "starting") + ill) == Step()
    assert after(new("healthy", "healthy", "healthy") + ill) == Step(stop=("ill",))


def test_without_room_ill_tasks_go_one_by_one() -> None:
    ill = [Member("ill0", True, "unhealthy"), Member("ill1", True, "unhealthy")]
    assert after([*new("healthy"), *ill], maximum=100) == Step(stop=("ill0",))


def test_scaling_in_takes_what_does_not_serve_then_the_fullest_zone() -> None:
    members = [
        Member("a1", True, "healthy", "a"),
        Member("a2", True, "healthy", "a"),
        Member("b1", True, "healthy", "b"),
        Member("b2", True, "starting", "b"),
    ]
    assert after(members, desired=2) == Step(stop=("b2", "a1"))
    assert set(after(members, desired=0).stop) == {"a1", "a2", "b1", "b2"}


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (new("healthy", "healthy"), True),
        (new("healthy", "starting"), False),
        (new("healthy", "healthy") + old("healthy"), False),
        (new("healthy"), False),
    ],
)
def test_when_a_rollout_is_complete(members: list[Member], expected: bool) -> None:
    assert complete(members, 2) is expected


def test_a_rollout_ends_from_anywhere() -> None:
    """Whatever the settings, repeating the step leads to the desired tasks, within the bounds."""
    for minimum, maximum in ((100, 200), (50, 100), (0, 100), (100, 134), (67, 167)):
        members = old(*THREE)
        for number in range(30):
            todo = after(members, minimum=minimum, maximum=maximum)
            members = [m for m in members if m.id not in todo.stop]
            healthy = sum(m.health == "healthy" for m in members)
            assert healthy >= 3 * minimum / 100, (minimum, maximum, number)
            members = [Member(m.id, m.current, "healthy") for m in members]
            members += [Member(f"{number}.{i}", True, "starting") for i in range(todo.start)]
            assert len(members) <= 3 * maximum / 100
        assert complete(members, 3), (minimum, maximum, members)


def test_failing_starts_are_spaced_and_forgiven(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: moment)
    throttle = Throttle(Clock(60))
    waits = []
    for number in range(12):
        assert throttle.failed("d", f"task{number}")
        assert not throttle.failed("d", f"task{number}"), "the same failure counts once"
        before = moment
        while not throttle.allows("d"):
            moment += 5
        waits.append(moment - before)
    assert waits[:3] == [10, 20, 40]
    assert waits[-1] == 27 * 60
    assert throttle.struggling("d")
    assert throttle.allows("another")
    throttle.failed("d", "last")
    throttle.started("d")
    assert throttle.allows("d")
    assert not throttle.struggling("d")
