"""The names of a stack's resources, and address blocks and places on the load balancer as AWS takes them."""

from __future__ import annotations

from typing import Any

from ops.stack import naming
from ops.stack.ownership import PORTS, PRIORITIES


def listener_port(protocol: str) -> int:
    """Return the port of the stack's listener for that protocol."""
    return PORTS[protocol]


def rule_priority(purpose: str) -> int:
    """Return the priority of the stack's rule for that purpose."""
    return PRIORITIES[purpose]


FILTERS = (
    naming.app_domain,
    naming.aws_cidr,
    naming.bucket_name,
    naming.container_insights_log_group,
    naming.database_log_group,
    naming.load_balancer_name,
    naming.probe_name,
    naming.role_name,
    naming.secret_name,
    naming.secret_prefix,
    naming.service_name,
    naming.target_group_name,
    naming.task_log_group,
    listener_port,
    rule_priority,
)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {function.__name__: function for function in FILTERS}
