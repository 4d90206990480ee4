"""One resource of the inventory, and how a name tells whose it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ops.stack.model import Stack
from ops.stack.ownership import TAG

PROTECTION_LIFTED = ", and AWS's deletion protection of it is lifted"


@dataclass(frozen=True)
class Item:
    """One resource. command: deletes it, or restores what AWS keeps.

    holds: what is lost with it; protected: why it is deleted only where that is allowed; kept: why AWS keeps it
    although it was deleted, and until when. All empty where there is nothing to say.
    """

    kind: str
    name: str
    command: str
    arn: str = ""
    holds: str = ""
    protected: str = ""
    kept: str = ""


def until(moment: datetime) -> str:
    """Return a date as `kept` says it."""
    return f"until {moment:%Y-%m-%d}"


def belongs(stack: Stack, name: str, tags: Mapping[str, str]) -> bool:
    """Return whether something of that name is the stack's: only the tag tells whether `tier1-x` is another stack."""
    named = name == stack.name or name.startswith((f"{stack.name}-", f"{stack.name}/"))
    return named and tags.get(TAG, stack.name) == stack.name


def arns_by_name(client: Any, operation: str, items: str, fields: tuple[str, str], name: str) -> Iterator[str]:
    """Yield the ARNs of what has that name in a list of AWS's. items: its key; fields: the keys of name and ARN."""
    for page in client.get_paginator(operation).paginate():
        for item in page[items]:
            if item[fields[0]] == name:
                yield item[fields[1]]
