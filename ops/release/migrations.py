"""What a release's own plan of migrations says, and whether it may be carried out (pure)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

PLAN = "migration plan"
BREAKING = "breaking"  # the kind of a migration that the previous release can't live with


def migration_plan(lines: Iterable[str]) -> dict[str, Any]:
    """Return before, after and breaking_migrations of the line that `migrate --plan` wrote; see docs/app-contract.md.

    found: whether there is such a line. Without it nothing is known, and no breaking migrations means nothing.
    """
    for line in reversed(list(lines)):
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if isinstance(said, dict) and said.get("message") == PLAN:
            breaking = [described(one) for one in said.get("pending") or [] if one.get("kind") == BREAKING]
            known = {"before": said.get("before"), "after": said.get("after")}
            return {"found": True, **known, "breaking_migrations": breaking}
    return {"found": False, "before": None, "after": None, "breaking_migrations": []}


def described(migration: Mapping[str, Any]) -> str:
    return f"{migration['migration']} ({', '.join(migration.get('operations') or ['no operations'])})"


def migration_message(plan: Mapping[str, Any]) -> str:
    """Return what the event log says once the plan was carried out."""
    return f"The schema went from {plan['before'] or 'nothing'} to {plan['after'] or 'what it was'}"
