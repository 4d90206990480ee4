"""The deployment circuit breaker: the number of failed tasks that ends a rolling deployment.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ThresholdConfiguration.html
"""

from __future__ import annotations

import math

from sandbox.services.ecs.records.tasks import Document

LEAST, MOST = 3, 200


def enabled(configuration: Document) -> bool:
    """Return whether the circuit breaker is on; only rolling deployments have one."""
    breaker = configuration.get("deploymentCircuitBreaker") or {}
    return configuration["strategy"] == "ROLLING" and bool(breaker.get("enable"))


def threshold(configuration: Document, desired: int) -> int:
    """Return the number of failures in a row that trips the circuit breaker."""
    given = (configuration.get("deploymentCircuitBreaker") or {}).get("thresholdConfiguration") or {}
    kind, value = given.get("type", "BOUNDED_PERCENT"), given.get("value", 50)
    if kind == "COUNT":
        return int(value)
    share = math.ceil(int(value) * desired / 100)
    return share if kind == "UNBOUNDED_PERCENT" else min(MOST, max(LEAST, share))
