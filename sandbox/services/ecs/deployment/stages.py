"""The stages of a deployment that shifts traffic, in their order. No side effects.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-deployment-how-it-works.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/canary-deployment.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-linear.html
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Document = dict[str, Any]
Stage = Literal[
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "SCALE_UP",
    "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT",
    "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
    "BAKE_TIME",
    "CLEAN_UP",
]
Awaited = Literal["nothing", "green healthy", "blue healthy", "others gone"]

#: real seconds until a load balancer surely sends where its rules say: traffic is never scaled
SETTLE = 1.0
#: a stage that takes longer fails the deployment
STAGE_MINUTES = 24 * 60.0


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """A lifecycle stage of one deployment, with its traffic and tasks.

    production, test: percent of the traffic for green, the new revision; None: as before. seconds: its shortest
    duration. green, blue, stale: whose tasks are to run; stale: those that a stopped deployment left.
    """

    stage: Stage
    production: float | None = None
    test: float | None = None
    seconds: float = 0.0
    awaited: Awaited = "nothing"
    green: bool = True
    blue: bool = True
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Observation:
    """Seconds in the present stage, health of tasks, statuses of hooks, alarms in ALARM."""

    seconds: float
    green_healthy: bool = False
    blue_healthy: bool = False
    others_gone: bool = False
    hooks: Sequence[tuple[str, str]] = ()  # status, timeout action
    alarms: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class RollBack:
    """The decision to roll back, and its reason."""

    reason: str


Decision = Literal["stay", "proceed"] | RollBack


def steps(configuration: Document) -> tuple[tuple[float, float], ...]:
    """Return (percent of production traffic, minutes to bake) after each shift; the last has no bake time.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LinearConfiguration.html
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CanaryConfiguration.html
    """
    match configuration["strategy"]:
        case "CANARY":
            canary = configuration["canaryConfiguration"]
            shares, bake = [canary["canaryPercent"]], canary["canaryBakeTimeInMinutes"]
        case "LINEAR":
            linear = configuration["linearConfiguration"]
            size, bake = linear["stepPercent"], linear["stepBakeTimeInMinutes"]
            shares = [size * i for i in range(1, math.ceil(100 / size))]
        case _:
            shares, bake = [], 0
    return (*((round(float(share), 1), float(bake)) for share in shares if share < 100), (100.0, 0.0))


def plan_stages(
    configuration: Document, seconds: Callable[[float], float], *, first: bool = False, reconcile: bool = False
) -> tuple[PlannedStage, ...]:
    """Return all stages of a deployment.

    seconds: converts AWS minutes to real seconds. first: there is no blue revision. reconcile: a stopped deployment
    left tasks. PRE_PRODUCTION_TRAFFIC_SHIFT and PRODUCTION_TRAFFIC_SHIFT are repeated for every step:
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/pause-lifecycle-hooks.html
    """
    stages = _reconcile() if reconcile else []
    stages += [
        PlannedStage("PRE_SCALE_UP", green=False),
        PlannedStage("SCALE_UP", awaited="green healthy"),
        PlannedStage("POST_SCALE_UP"),
        PlannedStage("TEST_TRAFFIC_SHIFT", test=100.0, seconds=SETTLE),
        PlannedStage("POST_TEST_TRAFFIC_SHIFT"),
    ]
    for share, bake in ((100.0, 0.0),) if first else steps(configuration):
        stages.append(PlannedStage("PRE_PRODUCTION_TRAFFIC_SHIFT"))
        stages.append(PlannedStage("PRODUCTION_TRAFFIC_SHIFT", production=share, seconds=SETTLE + seconds(bake)))
    stages += [
        PlannedStage("POST_PRODUCTION_TRAFFIC_SHIFT"),
        PlannedStage("BAKE_TIME", seconds=seconds(configuration["bakeTimeInMinutes"])),
        PlannedStage("CLEAN_UP", awaited="others gone", blue=False),
    ]
    return tuple(stages)


def plan_rollback(*, drained: bool) -> tuple[PlannedStage, ...]:
    """Return the stages of a rollback: traffic to blue, then green drains.

    drained: blue's tasks were being stopped already.
    """
    scale_up = (PlannedStage("SCALE_UP", awaited="blue healthy"),) if drained else ()
    return (
        *scale_up,
        PlannedStage("PRODUCTION_TRAFFIC_SHIFT", production=0.0, test=0.0, seconds=SETTLE),
        PlannedStage("CLEAN_UP", awaited="others gone", green=False),
    )


def decide(planned: PlannedStage, observed: Observation, seconds: Callable[[float], float]) -> Decision:
    """Return whether to stay in the stage, proceed to the next, or roll back."""
    for status, action in observed.hooks:
        if status == "FAILED":
            return RollBack(
                f"Service deployment rolled back because {planned.stage} lifecycle hook(s) failed."
                " ContinueServiceDeployment was called with ROLLBACK."
            )
        if (status, action) == ("TIMED_OUT", "ROLLBACK"):
            return RollBack(f"Service deployment rolled back because {planned.stage} pause hook timed out.")
    if observed.alarms and planned.stage != "CLEAN_UP":
        return RollBack(f"Service deployment rolled back because of CloudWatch alarms: {', '.join(observed.alarms)}.")
    if any(status == "AWAITING_ACTION" for status, _ in observed.hooks):
        return "stay"
    if _fulfilled(planned.awaited, observed):
        return "proceed" if observed.seconds >= planned.seconds else "stay"
    if planned.awaited == "green healthy" and observed.seconds >= seconds(STAGE_MINUTES):
        return RollBack(f"Service deployment rolled back because {planned.stage} took more than 24 hours.")
    return "stay"


def weights(share: float) -> tuple[int, int]:
    """Return (green's, blue's) weights on a listener rule for a percentage: integers from 0 to 999.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupTuple.html
    """
    if share == round(share):
        return round(share), 100 - round(share)
    green = round(share * 10)
    return green, min(999, 1000 - green)


def _fulfilled(awaited: Awaited, observed: Observation) -> bool:
    match awaited:
        case "green healthy":
            return observed.green_healthy
        case "blue healthy":
            return observed.blue_healthy
        case "others gone":
            return observed.others_gone
        case "nothing":
            return True


def _reconcile() -> list[PlannedStage]:
    """Return the stages that move traffic to blue when blue is healthy, and then stop stale tasks."""
    return [
        PlannedStage("RECONCILE_SERVICE", awaited="blue healthy", green=False, stale=True),
        PlannedStage("RECONCILE_SERVICE", production=0.0, test=0.0, seconds=SETTLE, green=False, stale=True),
        PlannedStage("RECONCILE_SERVICE", awaited="others gone", green=False),
    ]
