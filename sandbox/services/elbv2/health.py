"""Target health in AWS's terms, from Envoy's.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
"""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass

from sandbox.aws_api.status import TargetHealth
from sandbox.runtime.envoy import Endpoint, EndpointHealth, HealthCheck

HEALTHY = TargetHealth("healthy")
CHECKING = TargetHealth("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
TIMED_OUT = TargetHealth("unhealthy", "Target.Timeout", "Request timed out")
FAILED = TargetHealth("unhealthy", "Target.FailedHealthChecks", "Health checks failed")

CHECK_TIMEOUT = 1.0
FIRST_CHECK_INTERVAL = 1.0  # between two looks at a target that was never healthy
FIRST_CHECK_TIMEOUT = 0.2  # for such a look: until a server has started, its clients may wait for long

Key = tuple[str, str, int]


@dataclass(slots=True)
class _Past:
    since: float
    health: TargetHealth = CHECKING
    initial: bool = True
    explained: float = float("-inf")
    checked: float = float("-inf")
    renewed: bool = False


class HealthTracker:
    """Track the health of each target, by target group ARN, id and port."""

    def __init__(self) -> None:
        self._past: dict[Key, _Past] = {}

    def forget_all_but(self, keys: set[Key]) -> None:
        """Drop targets that are no longer registered."""
        for key in self._past.keys() - keys:
            del self._past[key]

    def renewed(self, key: Key) -> bool:
        """Return whether Envoy must forget the target, so that its next check is a first one."""
        return key in self._past and self._past[key].renewed

    def evaluate(self, key: Key, endpoint: Endpoint, check: HealthCheck, seen: EndpointHealth | None) -> TargetHealth:
        """Return the target's health now. `seen`: Envoy's view, None while Envoy doesn't know the endpoint.

        Envoy decides. If it says no more than "unhealthy", a check of our own finds the reason.
        """
        now = time.monotonic()
        past = self._past.setdefault(key, _Past(now))
        if seen is None:
            past.renewed = False
        if seen is None or seen.pending or past.renewed:
            return past.health
        if seen.healthy:
            past.health, past.explained, past.initial = HEALTHY, float("-inf"), False
        elif past.initial and self._passes_now(past, endpoint, check):
            past.renewed = True
        elif past.health == CHECKING and now - past.since < _initial_seconds(check):
            pass  # one failure is enough for Envoy, while AWS counts up to the threshold
        elif seen.timed_out:
            past.health = TIMED_OUT
        elif now - past.explained >= check.interval:
            past.health, past.explained = explain(endpoint, check), now
        return past.health

    def _passes_now(self, past: _Past, endpoint: Endpoint, check: HealthCheck) -> bool:
        """Return whether a new target that failed at first passes now.

        "After your target is registered, it must pass one health check to be considered healthy": on AWS, whatever
        failed before. With Envoy one success is enough only at the very first check; after it the threshold counts.
        """
        now = time.monotonic()
        if now - past.checked < (FIRST_CHECK_INTERVAL if past.health == CHECKING else check.interval):
            return False
        past.checked = now
        return passes(endpoint, check)


def explain(endpoint: Endpoint, check: HealthCheck) -> TargetHealth:
    """Return why a target is unhealthy: the result of a health check."""
    try:
        status = _ask(endpoint, check, CHECK_TIMEOUT)
    except TimeoutError:
        return TIMED_OUT
    except (OSError, http.client.HTTPException):
        return FAILED
    description = f"Health checks failed with these codes: [{status}]"
    return TargetHealth("unhealthy", "Target.ResponseCodeMismatch", description)


def passes(endpoint: Endpoint, check: HealthCheck) -> bool:
    """Return whether a target passes a health check now, without delay."""
    try:
        status = _ask(endpoint, check, FIRST_CHECK_TIMEOUT)
    except (OSError, http.client.HTTPException):
        return False
    return any(status in codes for codes in check.codes)


def _ask(endpoint: Endpoint, check: HealthCheck, timeout: float) -> int:
    port = check.port or endpoint.port
    connection = http.client.HTTPConnection(endpoint.address, port, timeout=timeout)
    headers = {"Host": f"{endpoint.host}:{port}", "User-Agent": check.user_agent}
    try:
        connection.request("GET", check.path or "/", headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def _initial_seconds(check: HealthCheck) -> float:
    return check.unhealthy_threshold * check.interval
