"""A service deployment in data and in words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import botocore.session
import pytest

from ops.release.deployment import (
    STAGES,
    ServiceDeployment,
    bake_minutes,
    outcome,
    progress,
    seconds_until,
    span,
    start,
)
from ops.release.failed_starts import Settings
from ops.release.sample import Figures
from tests.support.ops.deployments import NOON as NOW
from tests.support.ops.deployments import described as deployment

FIGURES = {"blue": Figures(812, 0, 41.0), "green": Figures(1043, 2, 44.4)}


def test_only_the_hook_that_waits_is_answered() -> None:
    assert deployment().hook is None
    waiting = deployment(hook="ecs-pause-1")
    assert (waiting.hook, waiting.expires) == ("ecs-pause-1", NOW + timedelta(minutes=30))


def test_it_begins_when_it_was_started_and_a_first_one_has_no_blue() -> None:
    later = NOW + timedelta(seconds=5)
    assert deployment().begun == NOW
    assert deployment(startedAt=later).begun == later
    assert deployment().blue is None
    assert deployment(sourceServiceRevisions=[{"arn": "arn:blue"}]).blue == {"arn": "arn:blue"}


def ended(code: int | None = None, reason: str = "", stopped: str = "") -> dict[str, Any]:
    """A task of green that has ended."""
    container = {"reason": reason} | ({} if code is None else {"exitCode": code})
    return {"containers": [container], "stoppedReason": stopped}


CRASHED = ended(3, stopped="Essential container in task exited.")
SCALED_IN = ended(0, stopped="Scaling activity initiated by (deployment ecs-svc/1)") | {
    "stopCode": "ServiceSchedulerInitiated"
}


@pytest.mark.parametrize(
    ("stopped", "elapsed", "outcome", "words"),
    [
        ([], 599, "undecided", "green is starting"),
        ([CRASHED, CRASHED], 30, "undecided", "green is starting"),  # one may be a machine's fault
        (
            [CRASHED] * 3,
            30,
            "fail",
            "3 of its tasks have failed, the first because: Essential container in task exited (exit code 3)",
        ),
        (
            [ended(reason="CannotPullContainerError"), CRASHED, CRASHED],
            30,
            "fail",
            "the first because: CannotPullContainer",
        ),
        ([ended()] * 3, 30, "fail", "the first because: ECS says no reason"),
        # an image that boots in 100 s with a grace period of 60: one fails, and two surplus ones are scaled in again
        ([CRASHED, SCALED_IN, SCALED_IN], 200, "undecided", "green is starting"),
        ([], 601, "fail", "green is not ready after 10 min (release_startup_timeout_seconds): 1 of 3 tasks run"),
        ([CRASHED, SCALED_IN], 601, "fail", "1 of its tasks failed before, the first because: Essential container"),
    ],
)
def test_a_green_that_does_not_get_up_is_not_waited_for_all_day(
    stopped: list[dict[str, Any]], elapsed: float, outcome: str, words: str
) -> None:
    analysis = start(deployment(), stopped, elapsed, 600, Settings())
    assert analysis.outcome == outcome
    assert words in analysis.message


def test_once_green_is_up_its_start_is_over() -> None:
    analysis = start(deployment("POST_TEST_TRAFFIC_SHIFT"), [CRASHED] * 9, 9999, 600, Settings())
    assert (analysis.outcome, analysis.message) == ("undecided", "green has no traffic yet")


CANARY = {"bakeTimeInMinutes": 15, "canaryConfiguration": {"canaryPercent": 10, "canaryBakeTimeInMinutes": 7}}
LINEAR = {"bakeTimeInMinutes": 15, "linearConfiguration": {"stepPercent": 25, "stepBakeTimeInMinutes": 6}}
AT_ONCE = {"bakeTimeInMinutes": 15}


@pytest.mark.parametrize(
    ("stage", "share", "configuration", "minutes"),
    [
        ("BAKE_TIME", 100, CANARY, 15),
        ("PRODUCTION_TRAFFIC_SHIFT", 10, CANARY, 7),
        ("PRODUCTION_TRAFFIC_SHIFT", 75, LINEAR, 6),
        ("PRODUCTION_TRAFFIC_SHIFT", 100, LINEAR, None),  # not after the last step
        ("PRODUCTION_TRAFFIC_SHIFT", 0, CANARY, None),
        ("PRODUCTION_TRAFFIC_SHIFT", 100, AT_ONCE, None),
        ("SCALE_UP", 0, CANARY, None),
        ("BAKE_TIME", 100, {}, 0),
    ],
)
def test_a_bake_lasts_what_its_strategy_says(
    stage: str, share: float, configuration: dict[str, Any], minutes: float | None
) -> None:
    assert bake_minutes(deployment(stage, share, deploymentConfiguration=configuration)) == minutes


def test_every_stage_of_ecs_has_words() -> None:
    model = botocore.session.get_session().get_service_model("ecs")
    shown, hooked = (
        model.shape_for(f"{name}Stage") for name in ("ServiceDeploymentLifecycle", "DeploymentLifecycleHook")
    )
    assert STAGES.keys() == {*shown.enum, *hooked.enum}


@pytest.mark.parametrize(
    ("found", "left", "words"),
    [
        (deployment(), None, "SCALE_UP: starts green, green has 1 of 3 tasks"),
        (deployment(None, status="PENDING"), None, "PENDING: waits for ECS, green has 1 of 3 tasks"),
        (
            deployment("PRODUCTION_TRAFFIC_SHIFT", 10),
            95,
            "PRODUCTION_TRAFFIC_SHIFT: traffic has moved, and bakes, green has 10 % of the traffic, 2 of 1,043 failed, "
            "p95 44 ms (blue 41), 1 min 35 s left",
        ),
        (
            deployment("BAKE_TIME", 100),
            0,
            "BAKE_TIME: bakes, blue stands by, green has 100 % of the traffic, 2 of 1,043 failed, p95 44 ms (blue 41), "
            "any moment now",
        ),
        (
            deployment(status="ROLLBACK_IN_PROGRESS", rollback={"reason": "an alarm fired"}),
            None,
            "rolling back to blue: an alarm fired",
        ),
        (deployment(status="STOP_REQUESTED", statusReason="by request"), None, "rolling back to blue: by request"),
        (deployment(status="ROLLBACK_SUCCESSFUL"), None, "rollback successful"),
        (deployment(status="STOPPED", statusReason="No candidate was found."), None, "No candidate was found"),
    ],
)  # fmt: skip
def test_progress_is_a_line(found: ServiceDeployment, left: float | None, words: str) -> None:
    assert progress(found, FIGURES, left) == words


def test_progress_invents_no_figures() -> None:
    unknown = {"blue": Figures(0, 0, None), "green": Figures(12, 0, None)}
    assert progress(deployment("BAKE_TIME", 100), unknown, None).endswith("100 % of the traffic, 0 of 12 failed")
    assert "(blue" not in progress(deployment("BAKE_TIME", 100), {**unknown, "green": Figures(12, 0, 9.0)}, None)


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        ("SUCCESSFUL", "", "All traffic is on the release."),
        ("ROLLBACK_SUCCESSFUL", "an alarm fired", "the one before has all traffic: an alarm fired"),
        ("ROLLBACK_FAILED", "", "ended as ROLLBACK_FAILED: AWS says no reason"),
    ],
)
def test_the_end_is_a_sentence(status: str, reason: str, words: str) -> None:
    assert outcome(deployment(status=status, statusReason=reason)).endswith(words)


def test_our_own_reason_is_told_instead_of_awss_that_somebody_had_one() -> None:
    taken = deployment(status="ROLLBACK_SUCCESSFUL", statusReason="ContinueServiceDeployment was called with ROLLBACK.")
    assert outcome(taken, "green is slow").endswith("the one before has all traffic: green is slow")
    first = deployment(status="STOPPED", statusReason="No rollback candidate was found")
    assert outcome(first, "its smoke test failed") == "The deployment ended as STOPPED: its smoke test failed"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min"), (90, "1 min 30 s"), (120, "2 min")]
)
def test_a_span_of_time_in_words(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_time_is_told_with_and_without_a_zone() -> None:
    assert seconds_until(NOW + timedelta(seconds=30), NOW) == 30
    assert seconds_until((NOW - timedelta(seconds=5)).replace(tzinfo=None), NOW) == -5
    assert seconds_until(None, NOW) is None
