"""A target's health in AWS's words, from what Envoy sees.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
"""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass

from sandbox.api.status import TargetHealth
from sandbox.runtime.envoy import Endpoint, EndpointHealth, HealthCheck

HEALTHY = TargetHealth("healthy")
CHECKING = TargetHealth("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
TIMED_OUT = TargetHealth("unhealthy", "Target.Timeout", "Request timed out")
FAILED = TargetHealth("unhealthy", "Target.FailedHealthChecks", "Health checks failed")

PROBE_SECONDS = 1.0

Key = tuple[str, str, int]


@dataclass(slots=True)
class _Past:
    since: float
    health: TargetHealth = CHECKING
    explained: float = float("-inf")


class Judge:
    """Remembers each target, by target group ARN, id and port, from one look to the next."""

    def __init__(self) -> None:
        self._past: dict[Key, _Past] = {}

    def forget_all_but(self, keys: set[Key]) -> None:
        """Drop targets that are no longer registered."""
        for key in self._past.keys() - keys:
            del self._past[key]

    def judge(self, key: Key, endpoint: Endpoint, check: HealthCheck, seen: EndpointHealth | None) -> TargetHealth:
        """Its health now. `seen`: Envoy's view, None while Envoy doesn't know the endpoint.

        Envoy decides; where it says no more than "unhealthy", a look of our own tells why.
        """
        now = time.monotonic()
        past = self._past.setdefault(key, _Past(now))
        if seen is None or seen.pending:
            return past.health
        if seen.healthy:
            past.health, past.explained = HEALTHY, float("-inf")
        elif past.health == CHECKING and now - past.since < _patience(check):
            pass  # one failure is enough for Envoy, while AWS counts up to the threshold
        elif seen.timed_out:
            past.health = TIMED_OUT
        elif now - past.explained >= check.interval:
            past.health, past.explained = explain(endpoint, check), now
        return past.health


def explain(endpoint: Endpoint, check: HealthCheck) -> TargetHealth:
    """Why a target is unhealthy: what a health check gets from it."""
    port = check.port or endpoint.port
    connection = http.client.HTTPConnection(endpoint.address, port, timeout=PROBE_SECONDS)
    headers = {"Host": f"{endpoint.host}:{port}", "User-Agent": check.user_agent}
    try:
        connection.request("GET", check.path or "/", headers=headers)
        status = connection.getresponse().status
    except TimeoutError:
        return TIMED_OUT
    except (OSError, http.client.HTTPException):
        return FAILED
    finally:
        connection.close()
    description = f"Health checks failed with these codes: [{status}]"
    return TargetHealth("unhealthy", "Target.ResponseCodeMismatch", description)


def _patience(check: HealthCheck) -> float:
    return check.unhealthy_threshold * check.interval
