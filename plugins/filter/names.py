"""Names, address blocks and places as AWS takes them."""

from __future__ import annotations

from typing import Any

from ops.stack.naming import aws_cidr, aws_name
from ops.stack.ownership import PORTS, PRIORITIES


def listener_port(protocol: str) -> int:
    """Return the port of the stack's listener for that protocol."""
    return PORTS[protocol]


def rule_priority(purpose: str) -> int:
    """Return the priority of the stack's rule for that purpose."""
    return PRIORITIES[purpose]


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {
            "aws_name": aws_name,
            "aws_cidr": aws_cidr,
            "listener_port": listener_port,
            "rule_priority": rule_priority,
        }
