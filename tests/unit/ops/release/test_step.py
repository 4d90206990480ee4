"""The next step of a release: each stage, each outcome, and what is answered, by what was done before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ops.release.analysis import Analysis, Sent, not_analysed
from ops.release.deployment import ONGOING, progress
from ops.release.sample import Figures
from ops.release.step import (
    ENTERS,
    Action,
    Answer,
    HookLog,
    Settings,
    Step,
    analysis_traffic_options,
    decide,
    hook_log,
    next_action,
    requests_to_send,
    smoke_test_answer,
    warm_up_options,
)
from tests.support.ops.deployments import described

GOOD, BAD, UNSURE = Analysis("pass", "good"), Analysis("fail", "bad"), Analysis("undecided", "unsure", 3)
INCONCLUSIVE = Analysis("inconclusive", "it can't be told apart", 300)
FIGURES = {"blue": Figures(812, 0, 41.0), "green": Figures(1043, 2, 44.4)}
NOW = 1000.0


@pytest.mark.parametrize(
    ("stage", "share", "analysis", "action"),
    [
        ("POST_TEST_TRAFFIC_SHIFT", 0, UNSURE, "smoke_test"),
        ("PRE_PRODUCTION_TRAFFIC_SHIFT", 0, UNSURE, "continue"),
        ("PRE_PRODUCTION_TRAFFIC_SHIFT", 10, UNSURE, "analyse"),
        ("PRE_PRODUCTION_TRAFFIC_SHIFT", 10, BAD, "roll_back"),  # certain: no more requests are sent to it
        ("POST_PRODUCTION_TRAFFIC_SHIFT", 100, GOOD, "analyse"),
        ("POST_SCALE_UP", 0, UNSURE, "continue"),
    ],
)
def test_at_a_hook_the_action_is_what_can_be_known_there(
    stage: str, share: float, analysis: Analysis, action: str
) -> None:
    assert next_action(described(stage, share, hook="ecs-pause-1"), analysis) == action


def test_a_pause_is_answered_once_green_s_first_minute_is_over() -> None:
    """What is sent for its analysis would not count before."""
    asks = described("POST_PRODUCTION_TRAFFIC_SHIFT", 100, hook="ecs-pause-1")
    assert (next_action(asks, GOOD, warm=False), next_action(asks, GOOD)) == (None, "analyse")
    assert next_action(asks, BAD, warm=False) == "roll_back"
    assert (
        next_action(described("PRE_PRODUCTION_TRAFFIC_SHIFT", 0, hook="ecs-pause-1"), UNSURE, warm=False) == "continue"
    )
    assert "its first minute does not count" in progress(asks, FIGURES, None, warm=False)


@pytest.mark.parametrize(
    ("stage", "share"),
    [("SCALE_UP", 0), ("PRODUCTION_TRAFFIC_SHIFT", 10), ("POST_TEST_TRAFFIC_SHIFT", 0), ("BAKE_TIME", 100)],
)
def test_what_surely_goes_wrong_is_rolled_back_without_a_hook(stage: str, share: float) -> None:
    assert next_action(described(stage, share), BAD) == "roll_back"


@pytest.mark.parametrize(
    ("stage", "share", "analysis"),
    [
        ("PRODUCTION_TRAFFIC_SHIFT", 10, UNSURE),
        ("BAKE_TIME", 100, GOOD),
        ("SCALE_UP", 0, UNSURE),
        ("CLEAN_UP", 100, BAD),  # blue is being stopped: there is nothing to go back to
        (None, 0, UNSURE),
    ],
)
def test_otherwise_it_goes_its_way(stage: str | None, share: float, analysis: Analysis) -> None:
    assert next_action(described(stage, share), analysis) is None


@pytest.mark.parametrize("status", ["SUCCESSFUL", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED", "STOPPED"])
def test_what_has_ended_is_ended_whatever_hooks_it_shows(status: str) -> None:
    found = described("BAKE_TIME", 100, status=status, hook="ecs-pause-1")
    assert (next_action(found, BAD), found.ended, found.succeeded) == ("ended", True, status == "SUCCESSFUL")


@pytest.mark.parametrize("status", sorted(ONGOING - {"PENDING", "IN_PROGRESS"}))
def test_what_goes_back_already_is_left_alone(status: str) -> None:
    assert next_action(described("BAKE_TIME", 100, status=status, hook="ecs-pause-1"), BAD) is None


# What is to be done, step by step


def decided(
    action: Action | None,
    analysis: Analysis = UNSURE,
    final: Analysis = GOOD,
    log: HookLog = HookLog(NOW),  # noqa: B008  it is frozen
    **settings: Any,
) -> Step:
    def analysed(sent: Sent) -> Analysis:
        assert sent == (log.sent or Sent())
        return final

    return decide(action, analysis, {"green": 1}, log, Settings(**settings), NOW, analysed)


@pytest.mark.parametrize(
    ("action", "step"),
    [
        (None, Step(None)),
        ("ended", Step("ended")),
        ("smoke_test", Step("smoke_test", "smoke_test")),
        ("continue", Step("continue", "continue", ENTERS)),
    ],
)
def test_what_needs_no_figures(action: Action | None, step: Step) -> None:
    assert decided(action) == step


def test_what_surely_fails_is_rolled_back_by_what_is_known() -> None:
    assert decided("roll_back", BAD) == Step("roll_back", "analysis", "bad", {"green": 1})


def test_an_analysis_that_lacks_requests_gets_them_first_and_once() -> None:
    assert decided("analyse", replace(UNSURE, missing=120)) == Step("send_requests", missing=120)
    assert decided("analyse", INCONCLUSIVE).missing == 300
    sent = HookLog(NOW, Sent(120, 4, "answered 503"))
    assert decided("analyse", replace(UNSURE, missing=120), log=sent).action == "continue"


@pytest.mark.parametrize(("traffic", "made"), [("generate", 120), ("refuse", 0)])
def test_what_is_lacking_is_made_or_not_as_the_inventory_says(traffic: str, made: int) -> None:
    assert requests_to_send(120, traffic) == made
    step = decided("analyse", replace(UNSURE, missing=120), final=UNSURE, traffic=traffic)
    assert (step.action, step.missing) == ("send_requests" if made else None, made)


PASS = Analysis("pass", "green answers well")
FAIL = Analysis("fail", "green answers 3 of 300 requests with 5xx")


@pytest.mark.parametrize(
    ("final", "word", "action"),
    [
        (PASS, "continue", "continue"),
        (FAIL, "continue", "roll_back"),
        (PASS, "roll_back", "continue"),
        (FAIL, "roll_back", "roll_back"),
    ],
)
def test_an_analysis_that_is_sure_is_answered_at_once(final: Analysis, word: str, action: str) -> None:
    step = decided("analyse", GOOD, final=final, on_inconclusive=word)
    assert step == Step(action, "analysis", final.message, {"green": 1})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("final", "word", "action"),
    [
        (INCONCLUSIVE, "continue", "continue"),
        (INCONCLUSIVE, "roll_back", "roll_back"),
        (UNSURE, "continue", "roll_back"),
        (UNSURE, "roll_back", "roll_back"),
    ],
)
def test_one_that_is_not_waits_for_more_until_its_time_is_over(final: Analysis, word: str, action: str) -> None:
    before, over = HookLog(NOW - 299), HookLog(NOW - 300)
    assert decided("analyse", GOOD, final=final, log=before, on_inconclusive=word) == Step(None)
    step = decided("analyse", GOOD, final=final, log=over, on_inconclusive=word)
    assert (step.action, step.event, step.message) == (action, "analysis", final.message)


@pytest.mark.parametrize(("reason", "says"), [("AWS did not answer", "AWS did not answer"), ("", "nobody looked")])
def test_without_an_analysis_no_traffic_passes_and_it_is_said_that_nothing_speaks_against_it(
    reason: str, says: str
) -> None:
    message = not_analysed(reason)
    assert message == f"nothing speaks against green, but it could not be analysed: {says}"
    step = decided("analyse", GOOD, final=Analysis("undecided", message), log=HookLog(NOW - 300))
    assert (step.action, step.message) == ("roll_back", message)


# What the event log says of a hook


def observed(t: float, hook: str | None = "h1", action: str | None = "analyse") -> dict[str, Any]:
    return {"kind": "observation", "t": t, "hook": hook, "action": action, "share": 10.0}


def requests(t: float, hook: str = "h1") -> dict[str, Any]:
    counted = {"sent": 300, "requests_failed": 4, "first_failure": "answered 503"}
    return {"kind": "event", "t": t, "event": "requests", "hook": hook, **counted}


SENT = Sent(300, 4, "answered 503")


@pytest.mark.parametrize(
    ("lines", "log"),
    [
        ([], HookLog(NOW)),
        ([observed(900, action=None), observed(910), observed(920)], HookLog(910)),
        ([observed(910), requests(950), observed(960)], HookLog(950, SENT)),
        ([observed(910), requests(950, "h0")], HookLog(910)),  # those of an earlier hook say nothing of this one
        ([observed(910, "h0"), requests(950, "h0")], HookLog(NOW)),
    ],
    ids=["nothing", "analysed before", "requests sent", "sent at another hook", "all at another hook"],
)
def test_what_was_done_at_a_hook_is_in_the_event_log(lines: list[dict[str, Any]], log: HookLog) -> None:
    assert hook_log(lines, "h1", NOW) == log


def test_without_a_hook_nothing_was_done_there() -> None:
    assert hook_log([observed(910, None)], None, NOW) == HookLog(NOW)


def test_killed_between_observation_and_answer_the_next_step_does_the_same_again() -> None:
    """The hook still waits, and the event log has the observation alone."""
    waits = described("PRE_PRODUCTION_TRAFFIC_SHIFT", 10, hook="h1")
    log = hook_log([observed(910), requests(950), observed(960)], waits.hook, NOW)
    assert next_action(waits, PASS) == "analyse"
    assert decided("analyse", PASS, final=FAIL, log=log).action == "roll_back"


# The smoke test and the requests that warm green


KEPT = {"passed": True, "message": "Release 1.1.0 passed the smoke test: 8 of 8 checks."}
BROKEN = {"passed": False, "message": "Release 1.1.0 failed the smoke test: 1 of 8 checks, first `warm`: it is cold."}


def warmed(failed: int) -> dict[str, Any]:
    return {"sent": 300, "requests_failed": failed, "first_failure": "answered 503" if failed else ""}


@pytest.mark.parametrize(("failed", "share"), [(0, "0.0 %"), (1, "0.3 %"), (300, "100.0 %")])
def test_what_failed_while_threads_got_warm_is_reported_and_rolls_nothing_back(failed: int, share: str) -> None:
    first = " The first: answered 503." if failed else ""
    message = f"{KEPT['message']} Of 300 requests to warm its threads {failed} failed ({share}).{first}"
    assert smoke_test_answer(KEPT, warmed(failed)) == Answer("CONTINUE", "smoke_test", message)


def test_a_release_that_fails_the_smoke_test_is_rolled_back() -> None:
    assert smoke_test_answer(BROKEN) == Answer("ROLLBACK", "smoke_test", str(BROKEN["message"]))
    assert smoke_test_answer({}) == Answer("ROLLBACK", "smoke_test", "")


@pytest.mark.parametrize(
    ("tasks", "each", "count", "concurrency"),
    [(3, 100, 300, 24), (1, 100, 100, 8), (80, 100, 5000, 50), (3, 0, 0, 24)],
)
def test_requests_to_warm_grow_with_the_tasks(tasks: int, each: int, count: int, concurrency: int) -> None:
    found = warm_up_options(tasks, each, pause_seconds=1800)
    assert (found["count"], found["concurrency"], found["spread"]) == (count, concurrency, 0)


@pytest.mark.parametrize(("pause", "minute", "seconds"), [(30, 60.0, 60), (30, 2.0, 15), (1, 60.0, 15)])
def test_warming_leaves_most_of_the_pause_to_others(pause: int, minute: float, seconds: float) -> None:
    assert warm_up_options(3, 100, pause * minute)["timeout"] == seconds


@pytest.mark.parametrize(("pause", "minute", "seconds"), [(30, 60.0, 240), (1, 60.0, 30), (30, 2.0, 30)])
def test_requests_for_an_analysis_are_gentle_and_spread(pause: int, minute: float, seconds: float) -> None:
    found = analysis_traffic_options(120, True, minute, pause * minute)
    assert found == {"count": 120, "alongside": True, "concurrency": 2, "spread": 3 * minute, "timeout": seconds}
