"""Whether a plan told the truth: what --check --diff said, held against what the run then did."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Change = Mapping[str, Any]
PENDING = "pending"  # what a plan calls that which AWS will name


def lies(plan: Sequence[Change], run: Sequence[Change]) -> list[str]:
    """Changes that only one of the two made, and what the plan said that the run did not do; empty for a true plan."""
    said, did = ({label(change): change["diff"] for change in changes} for changes in (plan, run))
    return [
        *(f"{name}: planned, not done" for name in said.keys() - did.keys()),
        *(f"{name}: done, not planned" for name in did.keys() - said.keys()),
        *(f"{name}: {lie}" for name in said.keys() & did.keys() for lie in compare(said[name], did[name])),
    ]


def label(change: Change) -> str:
    return f"{change['host']} {change['task']} {json.dumps(change['item'])}"


def compare(said: Any, did: Any) -> Iterator[str]:
    """Where diffs differ. Before: what was found must be the same. After: all that the plan says must have come."""
    for ours, theirs in zip(diffs(said), diffs(did), strict=False):
        if ours.get("before"):
            yield from differing(["before"], ours["before"], theirs.get("before"))
        yield from differing(["after"], ours.get("after"), theirs.get("after"))
    if len(diffs(said)) != len(diffs(did)):
        yield f"{len(diffs(said))} diffs planned, {len(diffs(did))} made"


def diffs(diff: Any) -> list[Any]:
    return [diff or {}] if isinstance(diff, dict | None) else diff


def differing(path: list[str], said: Any, did: Any) -> Iterator[str]:
    """A plan may leave out what AWS gives, and use a word for what is not there yet; it may say nothing wrong."""
    if said in (None, "", [], {}) or (isinstance(said, str) and PENDING in said):
        return
    if isinstance(said, dict) and isinstance(did, dict):
        named = {key: value for key, value in said.items() if PENDING not in str(key)}
        for key, value in named.items():
            yield from differing([*path, str(key)], value, did.get(key))
    elif isinstance(said, list) and isinstance(did, list) and len(said) == len(did):
        left = list(did)  # in any order: rules are sorted by ids that a plan doesn't know
        for ours in said:
            match = next((theirs for theirs in left if not any(differing(path, ours, theirs))), None)
            if match is None:
                yield f"{'.'.join(path)} planned to hold {ours!r}, but has {left!r}"
            else:
                left.remove(match)
    elif said != did and not (isinstance(said, list) and PENDING in str(said)):
        yield f"{'.'.join(path)} planned as {said!r}, done as {did!r}"
