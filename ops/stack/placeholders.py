"""Placeholders of a plan (docs/decisions/001): outside check mode no request to AWS may hold one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

# What each stands for, and the role that creates it.
MISSING = {
    "cache": ("cache that is available", "cache"),
    "certificate": ("certificate", "certificates"),
    "database": ("database that is available", "database"),
    "hosted-zone": ("load balancer", "load_balancer"),
    "igw": ("internet gateway", "network"),
    "key": ("KMS key", "security"),
    "listener": ("HTTPS listener", "load_balancer"),
    "load-balancer": ("load balancer", "load_balancer"),
    "nat": ("NAT gateway", "network"),
    "repository": ("image repository", "storage"),
    "rtb": ("route table", "network"),
    "rule": ("listener rule", "load_balancer"),
    "secret": ("secret", "secrets"),
    "sg": ("security group", "security"),
    "subnet": ("subnet", "network"),
    "target-group": ("target group", "load_balancer"),
    "vpc": ("VPC", "network"),
}
# At the beginning of a value only, as wiring.yml makes them: a sentence, or a name that ends so, is none.
PLACEHOLDER = re.compile(rf"({'|'.join(MISSING)})-pending(?![A-Za-z0-9_])")
THEIR_OWN = ("tags",)  # people's words


def placeholders(value: Any) -> Iterator[str]:
    """Yield the things of whose placeholders there are some in a module's arguments, in their order."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key not in THEIR_OWN:
                yield from placeholders(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from placeholders(item)
    elif isinstance(value, str) and (found := PLACEHOLDER.match(value)):
        yield found[1]


def refusal(arguments: Mapping[str, Any], stack: str) -> str | None:
    """Return why a module with these arguments can't run yet, with the command that cures it; None if it can."""
    missing = dict.fromkeys(placeholders(arguments))
    if not missing:
        return None
    things = list(dict.fromkeys(MISSING[one][0] for one in missing))
    tags = sorted({MISSING[one][1] for one in missing})
    return (
        f"{stack} has no {', no '.join(things)} yet, which this task needs (tag {', '.join(tags)} of "
        "playbooks/provision.yml). The task did nothing. Run playbooks/provision.yml without --tags: it creates all "
        "parts in their order."
    )
