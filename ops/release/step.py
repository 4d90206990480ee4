"""The next step of a release: what is to be done now, and what is answered to ECS (pure).

What was done before is in ECS and in the event log alone, so an operator who is killed loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ops.release.analysis import Analysis, Sent, may_continue
from ops.release.deployment import ServiceDeployment

# smoke_test: test green before anybody sees it; continue, roll_back: tell ECS so; send_requests: give green what its
# analysis lacks; analyse: compare green with blue; ended: nothing is left to do.
Action = Literal["smoke_test", "continue", "send_requests", "analyse", "roll_back", "ended"]
Line = Mapping[str, Any]

MOST_REQUESTS = 5000
MOST_CONNECTIONS = 50
CONNECTIONS_A_TASK = 8  # a task starts threads only for what it is asked at once
ENTERS = "Green passed its smoke test and may have its first traffic"


@dataclass(frozen=True)
class Settings:
    """What a person decided. traffic: generate or refuse; on_inconclusive: continue or roll_back."""

    traffic: str = "generate"
    on_inconclusive: str = "continue"
    timeout_seconds: float = 300.0


@dataclass(frozen=True)
class Step:
    """An action, None to wait. event, message, figures: for the answer and the event log. missing: requests to send."""

    action: Action | None
    event: str = ""
    message: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)
    missing: int = 0


@dataclass(frozen=True)
class Answer:
    """What ECS is told, CONTINUE or ROLLBACK, and why."""

    action: Literal["CONTINUE", "ROLLBACK"]
    event: str
    message: str
    figures: Mapping[str, Any] = field(default_factory=dict)


def next_action(deployment: ServiceDeployment, analysis: Analysis, warm: bool = True) -> Action | None:
    """Return what is to be done now; None to wait.

    warm: green's first minute with traffic is over, so that what it answers from now on counts.
    """
    if deployment.ended:
        return "ended"
    if deployment.hook and deployment.goes_forward:
        if deployment.stage == "POST_TEST_TRAFFIC_SHIFT":
            return "smoke_test"
        if deployment.share > 0:
            return "roll_back" if analysis.outcome == "fail" else "analyse" if warm else None
        return "continue"
    if deployment.goes_forward and analysis.outcome == "fail" and deployment.stage != "CLEAN_UP":
        return "roll_back"
    return None


def decide(
    action: Action | None,
    analysis: Analysis,
    figures: Mapping[str, Any],
    log: HookLog,
    settings: Settings,
    now: float,
    final: Callable[[Sent], Analysis],
) -> Step:
    """Return the step of that action.

    log: what was done at this hook before. final: makes the analysis that is answered. now: epoch seconds.
    """
    match action:
        case "smoke_test":
            return Step(action, "smoke_test")
        case "continue":
            return Step(action, "continue", ENTERS)
        case "roll_back":
            return Step(action, "analysis", analysis.message, figures)
        case "analyse":
            if (missing := requests_to_send(analysis.missing, settings.traffic)) and log.sent is None:
                return Step("send_requests", missing=missing)
            return analysis_step(final(log.sent or Sent()), figures, settings, now - log.begun)
    return Step(action)


def analysis_step(found: Analysis, figures: Mapping[str, Any], settings: Settings, waited: float) -> Step:
    """Return the answer to an analysis; without one that is sure, wait until the time is over. waited: seconds."""
    if found.outcome not in ("pass", "fail") and waited < settings.timeout_seconds:
        return Step(None)
    action: Action = "continue" if may_continue(found, settings.on_inconclusive) else "roll_back"
    return Step(action, "analysis", found.message, figures)


def requests_to_send(missing: int, traffic: str) -> int:
    """Return how many requests are sent for an analysis that lacks so many: as the inventory says, these or none."""
    return missing if traffic == "generate" else 0


@dataclass(frozen=True)
class HookLog:
    """What the event log says of a hook. begun: epoch seconds since when figures are awaited; sent: None before."""

    begun: float
    sent: Sent | None = None


def hook_log(lines: Iterable[Line], hook: str | None, now: float) -> HookLog:
    """Return what was done at that hook: the first analysis, or the requests that were sent for it."""
    mine = [line for line in lines if hook and line.get("hook") == hook]
    if sent := [line for line in mine if line.get("event") == "requests"]:
        return HookLog(sent[-1]["t"], Sent(*(sent[-1][key] for key in ("sent", "requests_failed", "first_failure"))))
    begun = [line["t"] for line in mine if line.get("action") == "analyse"]
    return HookLog(begun[0] if begun else now)


def smoke_test_answer(test: Mapping[str, Any], warm_up: Mapping[str, Any] | None = None) -> Answer:
    """Return the answer to a smoke test. What failed while threads got warm is told, and rolls nothing back."""
    message = str(test.get("message", "")) + warm_up_message(warm_up or {})
    return Answer("CONTINUE" if test.get("passed") else "ROLLBACK", "smoke_test", message)


def warm_up_message(warm_up: Mapping[str, Any]) -> str:
    sent, failed = int(warm_up.get("sent") or 0), int(warm_up.get("requests_failed") or 0)
    if not sent:
        return ""
    message = f" Of {sent} requests to warm its threads {failed} failed ({100 * failed / sent:.1f} %)."
    return f"{message} The first: {warm_up['first_failure']}." if failed else message


def warm_up_options(tasks: int, requests_a_task: int, pause_seconds: float) -> dict[str, Any]:
    """Return what https_traffic is told to warm green's threads. pause_seconds: for which the hook waits.

    None of green's threads is to be left out: of N tasks with T threads, n requests a task miss one with a probability
    of at most N * T * e^(-n/T), were each sent to any thread. Half of them ask the database: of 3 tasks with 4 threads,
    100 requests a task leave one without its connection in 1 of 22,000 releases.
    """
    return {
        "count": min(requests_a_task * tasks, MOST_REQUESTS),
        "concurrency": min(CONNECTIONS_A_TASK * tasks, MOST_CONNECTIONS),
        "spread": 0,
        "timeout": min(60, pause_seconds / 4),  # a hook that times out rolls back: most of it is for others
    }


def analysis_traffic_options(missing: int, alongside: bool, minute: float, pause_seconds: float) -> dict[str, Any]:
    """Return what https_traffic is told to send to green for its analysis. minute: seconds of ECS's minute.

    Gently: what is measured is green, not how much it can bear. Over three minutes, so that no single one decides: the
    analysis leaves out the worst. For at most half of the pause: a green that is slow would let it time out.
    """
    timeout = min(60 + 3 * minute, pause_seconds / 2)
    return {"count": missing, "alongside": alongside, "concurrency": 2, "spread": 3 * minute, "timeout": timeout}
