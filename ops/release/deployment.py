"""How far a service deployment of ECS has come, in data and in words (pure).

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/pause-lifecycle-hooks.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ops.release.analysis import Analysis
from ops.release.failed_starts import Settings, cause, failed_starts
from ops.release.sample import Figures

FAILED_STARTS = 3  # tasks of green: one may be a machine's fault
ONGOING = {"PENDING", "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"}

STAGES = {
    "RECONCILE_SERVICE": "puts an earlier deployment right",
    "PRE_SCALE_UP": "about to start green",
    "SCALE_UP": "starts green",
    "POST_SCALE_UP": "green runs",
    "TEST_TRAFFIC_SHIFT": "test traffic goes to green",
    "POST_TEST_TRAFFIC_SHIFT": "test traffic reaches green",
    "PRE_PRODUCTION_TRAFFIC_SHIFT": "about to move traffic",
    "PRODUCTION_TRAFFIC_SHIFT": "traffic has moved, and bakes",
    "POST_PRODUCTION_TRAFFIC_SHIFT": "all traffic is on green",
    "BAKE_TIME": "bakes, blue stands by",
    "CLEAN_UP": "stops what no longer serves",
}


@dataclass(frozen=True)
class ServiceDeployment:
    """A service deployment. share, test_share: percent of the traffic on green. hook: the PAUSE hook that waits."""

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
    rollback_reason: str

    @property
    def ended(self) -> bool:
        return self.status not in ONGOING

    @property
    def succeeded(self) -> bool:
        return self.status == "SUCCESSFUL"

    @property
    def goes_forward(self) -> bool:
        """Return whether it does not go back, and has not ended."""
        return self.status in ("PENDING", "IN_PROGRESS")


def service_deployment_from(described: Mapping[str, Any]) -> ServiceDeployment:
    """Return a service deployment from what DescribeServiceDeployments answers."""
    waiting = [one for one in described.get("lifecycleHookDetails", []) if one.get("status") == "AWAITING_ACTION"]
    green = described.get("targetServiceRevision", {})
    sources = described.get("sourceServiceRevisions", [])
    return ServiceDeployment(
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
        rollback_reason=described.get("rollback", {}).get("reason", ""),
    )


def start(
    deployment: ServiceDeployment,
    stopped: Sequence[Mapping[str, Any]],
    elapsed: float,
    timeout: float,
    settings: Settings,
) -> Analysis:
    """Return whether green starts. ECS would try for 24 hours: neither alarms nor a circuit breaker watch this stage.

    stopped: tasks of green that have ended; elapsed and timeout in seconds.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-deployment-how-it-works.html
    """
    if deployment.stage not in ("PRE_SCALE_UP", "SCALE_UP"):
        return Analysis("undecided", "green has no traffic yet")
    failed = failed_starts(stopped)
    first = f"the first because: {cause(failed[0], settings)}" if failed else ""
    if len(failed) >= FAILED_STARTS:
        return Analysis("fail", f"green does not start: {len(failed)} of its tasks have failed, {first}")
    if elapsed > timeout:
        running, desired = deployment.green.get("runningTaskCount", 0), deployment.green.get("requestedTaskCount", 0)
        told = f" {len(failed)} of its tasks failed before, {first}." if failed else ""
        return Analysis(
            "fail",
            f"green is not ready after {span(timeout)} (release_startup_timeout_seconds): {running} of {desired} "
            f"tasks run, and the load balancer does not find all of them healthy.{told}",
        )
    return Analysis("undecided", "green is starting")


def bake_minutes(deployment: ServiceDeployment) -> float | None:
    """Return the minutes that the present stage lasts by itself; None if it does not."""
    configuration = deployment.configuration
    if deployment.stage == "BAKE_TIME":
        return float(configuration.get("bakeTimeInMinutes", 0))
    if deployment.stage == "PRODUCTION_TRAFFIC_SHIFT" and 0 < deployment.share < 100:
        canary = configuration.get("canaryConfiguration", {}).get("canaryBakeTimeInMinutes")
        return float(canary or configuration.get("linearConfiguration", {}).get("stepBakeTimeInMinutes") or 0)
    return None


def progress(
    deployment: ServiceDeployment, figures: Mapping[str, Figures], left: float | None, warm: bool = True
) -> str:
    """Return a line for who waits. left: seconds. warm: whether green's first minute with traffic is over."""
    if deployment.ended:
        return deployment.reason.rstrip(".") or deployment.status.replace("_", " ").lower()
    if not deployment.goes_forward:
        return f"rolling back to blue: {deployment.rollback_reason or deployment.reason}"
    parts = [f"{deployment.stage or deployment.status}: {STAGES.get(deployment.stage or '', 'waits for ECS')}"]
    if not deployment.share:
        running, desired = deployment.green.get("runningTaskCount", 0), deployment.green.get("requestedTaskCount", 0)
        parts.append(f"green has {running} of {desired} tasks")
    else:
        green, blue = figures["green"], figures["blue"]
        if not warm:
            parts.append("its first minute does not count")
        parts.append(f"green has {deployment.share:g} % of the traffic, {green.errors:,} of {green.requests:,} failed")
        if green.p95_ms is not None:
            compared = f" (blue {blue.p95_ms:.0f})" if blue.p95_ms is not None else ""
            parts.append(f"p95 {green.p95_ms:.0f} ms{compared}")
    if left is not None:
        parts.append(f"{span(left)} left" if left > 0 else "any moment now")
    return ", ".join(parts)


def outcome(deployment: ServiceDeployment, reason: str = "") -> str:
    """Return how it ended, in a sentence. reason: why we rolled it back, of which AWS only knows that somebody did."""
    if deployment.succeeded:
        return "All traffic is on the release."
    if deployment.status == "ROLLBACK_SUCCESSFUL":
        return f"ECS rolled the release back, and the one before has all traffic: {reason or deployment.reason}"
    return f"The deployment ended as {deployment.status}: {reason or deployment.reason or 'AWS says no reason'}"


def span(seconds: float) -> str:
    """90 -> 1 min 30 s"""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes and rest else f"{minutes} min" if minutes else f"{rest} s"


def seconds_until(moment: datetime | None, now: datetime) -> float | None:
    if moment is None:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now.timestamp()
