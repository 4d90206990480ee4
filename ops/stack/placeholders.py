"""Placeholders of what does not exist yet (docs/decisions/001): outside check mode no request to AWS may hold one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

# What each stands for, and the role that creates it.
MISSING = {
    "cache": ("cache that is available", "cache"),
    "certificate": ("certificate", "certificates"),
    "cluster": ("cluster", "cluster"),
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
    "service": ("release that runs", "release"),
    "sg": ("security group", "security"),
    "subnet": ("subnet", "network"),
    "target-group": ("target group", "load_balancer"),
    "task-definition": ("release that runs", "release"),
    "vpc": ("VPC", "network"),
}
# At the beginning of a value only: a sentence, or a name that ends so, is none.
PLACEHOLDER = re.compile(rf"({'|'.join(MISSING)})-pending(?![A-Za-z0-9_])")
PEOPLES_WORDS = ("tags",)  # a tag may say anything


def placeholders(value: Any) -> Iterator[str]:
    """Yield the kind of each placeholder in a value, a list or a module's arguments, in their order."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key not in PEOPLES_WORDS:
                yield from placeholders(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from placeholders(item)
    elif isinstance(value, str) and (found := PLACEHOLDER.match(value)):
        yield found[1]


def is_pending(value: Any) -> bool:
    """Return whether a value, or one in a list, is a placeholder: what it names does not exist yet."""
    return any(True for _ in placeholders(value))


def refusal(arguments: Mapping[str, Any], stack: str) -> str | None:
    """Return why a module with these arguments can't run yet, with the command that cures it; None if it can."""
    missing = dict.fromkeys(placeholders(arguments))
    if not missing:
        return None
    things = list(dict.fromkeys(MISSING[one][0] for one in missing))
    tags = sorted({MISSING[one][1] for one in missing})
    if tags == ["release"]:
        return (
            f"{stack} has no {things[0]} yet, which this task needs. The task did nothing. "
            "Run playbooks/deploy.yml -e release=<tag>: it creates the service."
        )
    return (
        f"{stack} has no {', no '.join(things)} yet, which this task needs (tag {', '.join(tags)} of "
        "playbooks/provision.yml). The task did nothing. Run playbooks/provision.yml without --tags: it creates all "
        "parts in their order."
    )
