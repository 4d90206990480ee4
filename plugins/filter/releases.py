"""Filters of the role `release`: what ops/release computes from facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ops.release.migrations import migration_message, migration_plan
from ops.release.outcome import Results, alarms_of, facts, is_unfinished, missing_parts
from ops.release.rollback import rollback_target


def release_facts(
    results: Mapping[str, Any], options: Mapping[str, Any], history: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the facts of a release; results: those of Results, by name."""
    return facts(Results(**results), options, history, datetime.now(UTC))


def is_due(results: Mapping[str, Any]) -> bool:
    """Return whether a deployment is due; results: those of Results, by name."""
    return Results(**results).due


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {
            "alarms_of": alarms_of,
            "is_due": is_due,
            "is_unfinished": is_unfinished,
            "migration_message": migration_message,
            "migration_plan": migration_plan,
            "missing_parts": missing_parts,
            "release_facts": release_facts,
            "rollback_target": rollback_target,
        }
