"""How far a deployment of ECS has come, and what it now asks of who leads it (pure).

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/pause-lifecycle-hooks.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from ops.release.analysis import Verdict
from ops.release.failed_starts import Settings, cause, failed_starts
from ops.release.sample import Figures

FAILED_STARTS = 3  # tasks of green: one may be a machine's fault
ONGOING = {"PENDING", "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"}
# test: try green before anybody sees it; enter: let the first traffic in; judge: by the figures so far;
# stop: it surely goes wrong, so nobody waits for more; ended: nothing is left to do.
Stop = Literal["test", "enter", "judge", "stop", "ended"]

WORDS = {
    "RECONCILE_SERVICE": "puts an earlier deployment right",
    "PRE_SCALE_UP": "about to start green",
    "SCALE_UP": "starts green",
    "POST_SCALE_UP": "green runs",
    "TEST_TRAFFIC_SHIFT": "leads test traffic to green",
    "POST_TEST_TRAFFIC_SHIFT": "test traffic reaches green",
    "PRE_PRODUCTION_TRAFFIC_SHIFT": "about to move traffic",
    "PRODUCTION_TRAFFIC_SHIFT": "traffic has moved, and bakes",
    "POST_PRODUCTION_TRAFFIC_SHIFT": "all traffic is on green",
    "BAKE_TIME": "bakes, blue stands by",
    "CLEAN_UP": "stops what no longer serves",
}


@dataclass(frozen=True)
class Rollout:
    """A described service deployment. share, test_share: percent of the traffic that green has."""

    arn: str
    status: str
    reason: str
    stage: str | None
    share: float
    test_share: float
    hook: str | None
    expires: datetime | None
    begun: datetime
    green: Mapping[str, Any]
    blue: Mapping[str, Any] | None
    configuration: Mapping[str, Any]
    going_back: str

    @property
    def ended(self) -> bool:
        return self.status not in ONGOING

    @property
    def succeeded(self) -> bool:
        return self.status == "SUCCESSFUL"

    @property
    def ahead(self) -> bool:
        """Whether it still goes forward."""
        return self.status in ("PENDING", "IN_PROGRESS")


def rollout_from(described: Mapping[str, Any]) -> Rollout:
    """A service deployment as DescribeServiceDeployments has it."""
    waiting = [one for one in described.get("lifecycleHookDetails", []) if one.get("status") == "AWAITING_ACTION"]
    green = described.get("targetServiceRevision", {})
    sources = described.get("sourceServiceRevisions", [])
    return Rollout(
        arn=described["serviceDeploymentArn"],
        status=described["status"],
        reason=described.get("statusReason", ""),
        stage=described.get("lifecycleStage"),
        share=float(green.get("requestedProductionTrafficWeight") or 0),
        test_share=float(green.get("requestedTestTrafficWeight") or 0),
        hook=waiting[0]["hookId"] if waiting else None,
        expires=waiting[0].get("expiresAt") if waiting else None,
        begun=described.get("startedAt") or described["createdAt"],
        green=green,
        blue=sources[0] if sources else None,
        configuration=described.get("deploymentConfiguration", {}),
        going_back=described.get("rollback", {}).get("reason", ""),
    )


def stop_of(rollout: Rollout, verdict: Verdict, warm: bool = True) -> Stop | None:
    """What is to be done now; None: nothing, it goes its way. warm: green's first minute with traffic is over, so that
    what it answers from now on counts."""
    if rollout.ended:
        return "ended"
    if rollout.hook and rollout.ahead:
        if rollout.stage == "POST_TEST_TRAFFIC_SHIFT":
            return "test"
        if rollout.share > 0:
            return "stop" if verdict.outcome == "fail" else "judge" if warm else None
        return "enter"
    if rollout.ahead and verdict.outcome == "fail" and rollout.stage != "CLEAN_UP":
        return "stop"
    return None


def start(
    rollout: Rollout, stopped: Sequence[Mapping[str, Any]], elapsed: float, patience: float, settings: Settings
) -> Verdict:
    """Whether green gets up. ECS would try for 24 hours: neither alarms nor a circuit breaker watch this stage.

    stopped: tasks of green that have ended; elapsed and patience in seconds.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-deployment-how-it-works.html
    """
    if rollout.stage not in ("PRE_SCALE_UP", "SCALE_UP"):
        return Verdict("undecided", "green has no traffic yet")
    failed = failed_starts(stopped)
    first = f"the first because: {cause(failed[0], settings)}" if failed else ""
    if len(failed) >= FAILED_STARTS:
        return Verdict("fail", f"green does not start: {len(failed)} of its tasks have failed, {first}")
    if elapsed > patience:
        running, desired = rollout.green.get("runningTaskCount", 0), rollout.green.get("requestedTaskCount", 0)
        told = f" {len(failed)} of its tasks failed before, {first}." if failed else ""
        return Verdict(
            "fail",
            f"green is not ready after {span(patience)} (release_startup_timeout_seconds): {running} of {desired} "
            f"tasks run, and the load balancer does not find all of them healthy.{told}",
        )
    return Verdict("undecided", "green is starting")


def bake_minutes(rollout: Rollout) -> float | None:
    """Minutes that the present stage lasts by itself, where it does."""
    configuration = rollout.configuration
    if rollout.stage == "BAKE_TIME":
        return float(configuration.get("bakeTimeInMinutes", 0))
    if rollout.stage == "PRODUCTION_TRAFFIC_SHIFT" and 0 < rollout.share < 100:
        canary = configuration.get("canaryConfiguration", {}).get("canaryBakeTimeInMinutes")
        return float(canary or configuration.get("linearConfiguration", {}).get("stepBakeTimeInMinutes") or 0)
    return None


def progress(rollout: Rollout, figures: Mapping[str, Figures], left: float | None, warm: bool = True) -> str:
    """A line for who waits. left: seconds. warm: whether green's first minute with traffic is over."""
    if rollout.ended:
        return rollout.reason.rstrip(".") or rollout.status.replace("_", " ").lower()
    if not rollout.ahead:
        return f"going back to blue: {rollout.going_back or rollout.reason}"
    parts = [f"{rollout.stage or rollout.status}: {WORDS.get(rollout.stage or '', 'waits for ECS')}"]
    if not rollout.share:
        running, desired = rollout.green.get("runningTaskCount", 0), rollout.green.get("requestedTaskCount", 0)
        parts.append(f"green has {running} of {desired} tasks")
    else:
        green, blue = figures["green"], figures["blue"]
        if not warm:
            parts.append("its first minute does not count")
        parts.append(f"green has {rollout.share:g} % of the traffic, {green.errors:,} of {green.requests:,} failed")
        if green.p95_ms is not None:
            compared = f" (blue {blue.p95_ms:.0f})" if blue.p95_ms is not None else ""
            parts.append(f"p95 {green.p95_ms:.0f} ms{compared}")
    if left is not None:
        parts.append(f"{span(left)} left" if left > 0 else "any moment now")
    return ", ".join(parts)


def outcome(rollout: Rollout, why: str = "") -> str:
    """How it ended, in a sentence. why: what made us take it back, of which AWS only knows that somebody did."""
    if rollout.succeeded:
        return "All traffic is on the release."
    if rollout.status == "ROLLBACK_SUCCESSFUL":
        return f"ECS took the release back, and the one before has all traffic: {why or rollout.reason}"
    return f"The deployment ended as {rollout.status}: {rollout.reason or 'AWS says no reason'}"


def span(seconds: float) -> str:
    """90 -> 1 min 30 s"""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes and rest else f"{minutes} min" if minutes else f"{rest} s"


def seconds_until(moment: datetime | None, now: datetime) -> float | None:
    if moment is None:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now.timestamp()
