"""A second release beside a first that serves, in a local API that is only said to run tasks."""

from __future__ import annotations

from typing import Any

from tests.support.sandbox.service_deployments import Scene

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
