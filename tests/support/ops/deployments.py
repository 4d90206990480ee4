"""Service deployments: as AWS describes one, and a real one in a local API that is only said to run tasks."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from ops.release.deployment import ServiceDeployment, service_deployment_from
from ops.release.metrics import suffix
from sandbox.services.cloudwatch.api import Distribution
from tests.support.sandbox.service_deployments import Scene
from tests.support.waiting import until

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


MINUTE = 0.5  # seconds of AWS's


def balancer(scene: Scene) -> str:
    found = scene.elb.describe_load_balancers(Names=[scene.name])["LoadBalancers"][0]
    return str(found["LoadBalancerArn"])


def options(scene: Scene, **more: Any) -> dict[str, Any]:
    service = {"cluster": scene.name, "service": "web", "load_balancer": balancer(scene)}
    return {**service, "minute_seconds": MINUTE, **more}


def measured(
    scene: Scene, group: str, requests: int, errors: int, seconds: float, slow: int = 0, at: float = 0
) -> None:
    """What Envoy's counters would have become in CloudWatch, now or at a time. Slow ones take ten times as long."""
    dimensions = (("LoadBalancer", suffix(balancer(scene))), ("TargetGroup", suffix(group)))
    values: dict[str, dict[float, int]] = {
        "RequestCount": {float(requests): 1},
        "HTTPCode_Target_2XX_Count": {float(requests - errors): 1},
        "HTTPCode_Target_5XX_Count": {float(errors): 1},
        "TargetResponseTime": {seconds: requests - slow, **({10 * seconds: slow} if slow else {})},
    }
    backend = scene.api.state.backend("cloudwatch", "123456789012", "us-east-1")
    backend.minute = MINUTE
    moment = datetime.fromtimestamp(at or time.time(), UTC).replace(tzinfo=None)
    for name, found in values.items():
        backend.metric_data.append(Distribution("AWS/ApplicationELB", name, dimensions, moment, "Count", found))


def past_its_first_minute() -> None:
    """Wait until what green answers counts, wherever CloudWatch's minutes begin. Nothing is asked for an empty time."""
    passing(1 + 2 * MINUTE)


def passing(seconds: float) -> None:
    """Let so much time pass as CloudWatch counts it: nothing is asked for an empty time."""
    before = time.time()
    until(lambda: time.time() > before + seconds)
