"""The stages of deployments that shift traffic, without a process."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.services.ecs.deployment.stages import (
    SETTLE,
    Observation,
    PlannedStage,
    RollBack,
    decide,
    plan_rollback,
    plan_stages,
    steps,
    weights,
)

MINUTE = 2.0
BLUE_GREEN: dict[str, Any] = {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5}
CANARY = {
    "strategy": "CANARY",
    "bakeTimeInMinutes": 5,
    "canaryConfiguration": {"canaryPercent": 10.0, "canaryBakeTimeInMinutes": 3},
}
BEFORE = ["PRE_SCALE_UP", "SCALE_UP", "POST_SCALE_UP", "TEST_TRAFFIC_SHIFT", "POST_TEST_TRAFFIC_SHIFT"]
SHIFT = ["PRE_PRODUCTION_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT"]
AFTER = ["POST_PRODUCTION_TRAFFIC_SHIFT", "BAKE_TIME", "CLEAN_UP"]


def linear(step: float, bake: int = 1) -> dict[str, Any]:
    sizes = {"stepPercent": step, "stepBakeTimeInMinutes": bake}
    return {"strategy": "LINEAR", "bakeTimeInMinutes": 0, "linearConfiguration": sizes}


def seconds(minutes: float) -> float:
    return minutes * MINUTE


def way(configuration: dict[str, Any], **options: bool) -> list[PlannedStage]:
    return list(plan_stages(configuration, seconds, **options))


def after(planned: PlannedStage, **seen: Any) -> Any:
    return decide(planned, Observation(**{"seconds": 0.0} | seen), seconds)


@pytest.mark.parametrize(
    ("configuration", "expected"),
    [
        (BLUE_GREEN, [(100, 0)]),
        (CANARY, [(10, 3), (100, 0)]),
        (linear(50), [(50, 1), (100, 0)]),
        (linear(30), [(30, 1), (60, 1), (90, 1), (100, 0)]),
        (linear(33.3), [(33.3, 1), (66.6, 1), (99.9, 1), (100, 0)]),
        (linear(100), [(100, 0)]),
    ],
)
def test_each_strategy_shifts_in_its_steps(configuration: dict[str, Any], expected: list[tuple[float, float]]) -> None:
    assert list(steps(configuration)) == expected


@pytest.mark.parametrize(
    ("configuration", "options", "expected"),
    [
        (BLUE_GREEN, {}, BEFORE + SHIFT + AFTER),
        (CANARY, {}, BEFORE + SHIFT * 2 + AFTER),
        (linear(25), {}, BEFORE + SHIFT * 4 + AFTER),
        (CANARY, {"first": True}, BEFORE + SHIFT + AFTER),
        (CANARY, {"reconcile": True}, ["RECONCILE_SERVICE"] * 3 + BEFORE + SHIFT * 2 + AFTER),
    ],
)
def test_the_stages_come_in_the_documented_order(
    configuration: dict[str, Any], options: dict[str, bool], expected: list[str]
) -> None:
    assert [one.stage for one in way(configuration, **options)] == expected


def test_traffic_moves_at_the_shifts_only() -> None:
    moved = [(one.stage, one.production, one.test) for one in way(CANARY) if (one.production, one.test) != (None, None)]
    assert moved == [
        ("TEST_TRAFFIC_SHIFT", None, 100.0),
        ("PRODUCTION_TRAFFIC_SHIFT", 10.0, None),
        ("PRODUCTION_TRAFFIC_SHIFT", 100.0, None),
    ]


def test_green_runs_from_scale_up_on_and_blue_until_clean_up() -> None:
    stages = way(CANARY)
    assert [one.stage for one in stages if not one.green] == ["PRE_SCALE_UP"]
    assert [one.stage for one in stages if not one.blue] == ["CLEAN_UP"]


def test_bake_times_are_waited_for() -> None:
    lasting = {(one.stage, one.production): one.seconds for one in way(CANARY)}
    assert lasting["PRODUCTION_TRAFFIC_SHIFT", 10.0] == SETTLE + 6
    assert lasting["PRODUCTION_TRAFFIC_SHIFT", 100.0] == SETTLE
    assert lasting["BAKE_TIME", None] == 10
    bake = PlannedStage("BAKE_TIME", seconds=10)
    assert after(bake, seconds=9.9) == "stay"
    assert after(bake, seconds=10) == "proceed"


def test_scale_up_waits_for_health_but_not_forever() -> None:
    scale_up = PlannedStage("SCALE_UP", awaited="green healthy")
    assert after(scale_up, seconds=60) == "stay"
    assert after(scale_up, green_healthy=True) == "proceed"
    assert isinstance(after(scale_up, seconds=seconds(24 * 60)), RollBack)


def test_clean_up_waits_until_blue_has_drained() -> None:
    clean_up = way(BLUE_GREEN)[-1]
    assert after(clean_up) == "stay"
    assert after(clean_up, others_gone=True) == "proceed"


@pytest.mark.parametrize(
    ("hooks", "expected"),
    [
        ([("AWAITING_ACTION", "ROLLBACK")], "stay"),
        ([("SUCCEEDED", "ROLLBACK")], "proceed"),
        ([("SUCCEEDED", "ROLLBACK"), ("AWAITING_ACTION", "CONTINUE")], "stay"),
        ([("TIMED_OUT", "CONTINUE")], "proceed"),
        (
            [("TIMED_OUT", "ROLLBACK")],
            RollBack("Service deployment rolled back because POST_SCALE_UP pause hook timed out."),
        ),
    ],
)
def test_hooks_hold_a_stage(hooks: list[tuple[str, str]], expected: object) -> None:
    assert after(PlannedStage("POST_SCALE_UP"), hooks=hooks) == expected


def test_any_hook_that_fails_rolls_back() -> None:
    hooks = [("AWAITING_ACTION", "CONTINUE"), ("FAILED", "CONTINUE")]
    assert isinstance(after(PlannedStage("POST_SCALE_UP"), hooks=hooks), RollBack)


@pytest.mark.parametrize("stage", ["SCALE_UP", "PRODUCTION_TRAFFIC_SHIFT", "BAKE_TIME"])
def test_an_alarm_rolls_back_until_the_end_of_the_bake(stage: Any) -> None:
    decision = after(PlannedStage(stage), alarms=["errors"], seconds=99)
    assert decision == RollBack("Service deployment rolled back because of CloudWatch alarms: errors.")
    assert after(PlannedStage("CLEAN_UP"), alarms=["errors"]) == "proceed"


def test_the_way_back_moves_traffic_before_green_stops() -> None:
    shift, clean_up = plan_rollback(drained=False)
    assert (shift.stage, shift.production, shift.test, shift.green) == ("PRODUCTION_TRAFFIC_SHIFT", 0.0, 0.0, True)
    assert (clean_up.stage, clean_up.green, clean_up.awaited) == ("CLEAN_UP", False, "others gone")


def test_a_drained_blue_comes_up_before_traffic_returns() -> None:
    assert [one.stage for one in plan_rollback(drained=True)] == [
        "SCALE_UP",
        "PRODUCTION_TRAFFIC_SHIFT",
        "CLEAN_UP",
    ]
    assert after(plan_rollback(drained=True)[0]) == "stay"
    assert after(plan_rollback(drained=True)[0], blue_healthy=True) == "proceed"


def test_what_was_left_half_way_serves_until_blue_can() -> None:
    wait, shift, stop = way(BLUE_GREEN, reconcile=True)[:3]
    assert (wait.awaited, wait.production, wait.stale) == ("blue healthy", None, True)
    assert (shift.production, shift.stale) == (0.0, True)
    assert (stop.awaited, stop.stale) == ("others gone", False)


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0, (0, 100)), (10.0, (10, 90)), (100, (100, 0)), (12.5, (125, 875)), (0.1, (1, 999)), (99.9, (999, 1))],
)
def test_percentages_become_weights(share: float, expected: tuple[int, int]) -> None:
    assert weights(share) == expected
