"""The observed status of what runs: controllers write it, patches read it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TargetHealth:
    """A target's health, in the fields of botocore's elbv2 model `TargetHealth`."""

    state: str
    reason: str | None = None
    description: str | None = None


@dataclass(slots=True)
class Status:
    """The status of all services. Guarded by `state.lock`, as moto's backends are."""

    #: by target group ARN, target id (an IP address of the VPC) and port
    target_health: dict[tuple[str, str, int], TargetHealth] = field(default_factory=dict)


#: moto's classes are global, so what their patches read is as well.
current = Status()
