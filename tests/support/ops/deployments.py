"""Service deployments: as AWS describes one, and a real one in a local API that is only said to run tasks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ops.release.deployment import ServiceDeployment, service_deployment_from
from tests.unit.services.ecs.test_rollouts import Scene

CANARY = {
    "strategy": "CANARY",
    "canaryConfiguration": {"canaryPercent": 25.0, "canaryBakeTimeInMinutes": 1440},
    "bakeTimeInMinutes": 1440,
}


def deployed(scene: Scene, **configuration: Any) -> str:
    """A second release beside a first that serves, as far as it goes by itself."""
    scene.create()
    scene.settle()
    arn = scene.deploy(**configuration)
    scene.look(stable=2)
    scene.look(stable=2, primary=2)
    return arn


NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def described(
    stage: str | None = "SCALE_UP",
    share: float = 0,
    status: str = "IN_PROGRESS",
    hook: str | None = None,
    **more: Any,
) -> ServiceDeployment:
    """Return a deployment as DescribeServiceDeployments describes it."""
    waits = {"hookId": hook, "status": "AWAITING_ACTION", "expiresAt": NOON + timedelta(minutes=30)}
    over = {"hookId": "ecs-pause-old", "status": "SUCCEEDED"}
    found = {
        "serviceDeploymentArn": "arn:aws:ecs:us-east-1:1:service-deployment/t1/app/Ab0",
        "status": status,
        "createdAt": NOON,
        "targetServiceRevision": {
            "arn": "arn:green",
            "requestedTaskCount": 3,
            "runningTaskCount": 1,
            "requestedProductionTrafficWeight": share,
        },
        "lifecycleHookDetails": [over, waits] if hook else [over],
        **({"lifecycleStage": stage} if stage else {}),
        **more,
    }
    return service_deployment_from(found)
