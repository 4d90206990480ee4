"""What a release reads out of what was said before: by its own migrations, and by the releases before it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

PLAN = "migration plan"
# Outcomes with which a release ended before its migrations; "started" may be anywhere.
UNTOUCHED = {"refused", "unchanged"}


def migration_plan(lines: Iterable[str]) -> dict[str, Any]:
    """before, after and contract of the line that `migrate --plan` wrote; docs/app-contract.md says what it holds.

    found: whether there is such a line. Without it nothing is known, and an empty `contract` means nothing.
    """
    for line in reversed(list(lines)):
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if isinstance(said, dict) and said.get("message") == PLAN:
            pending = said.get("pending") or []
            contract = [described(one) for one in pending if one.get("kind") == "contract"]
            return {"found": True, "before": said.get("before"), "after": said.get("after"), "contract": contract}
    return {"found": False, "before": None, "after": None, "contract": []}


def described(migration: Mapping[str, Any]) -> str:
    return f"{migration['migration']} ({', '.join(migration.get('operations') or ['no operations'])})"


def way_back(history: Iterable[Mapping[str, Any]], release: str = "") -> dict[str, Any]:
    """Where a rollback leads: the release before, or the named one, or why there is no way.

    history: the audit's entries, newest first.
    """
    ended = [entry for entry in history if entry.get("outcome") == "released"]
    if not ended:
        return {"release": "", "refusal": "No release is on record, so there is nothing to go back to."}
    current, *older = ended
    known = ", ".join(str(entry.get("release")) for entry in older) or "none"
    candidates = [
        entry
        for entry in older
        if (not release or release in (entry.get("release"), entry.get("digest")))
        and entry.get("task_definition") != current.get("task_definition")
    ]
    if not candidates:
        which = release or "before it"
        return {
            "release": "",
            "refusal": f"{current.get('release')} runs, and no release {which} is on record (older ones: {known}). "
            "Release an image instead: playbooks/deploy.yml -e release=<tag or digest>",
        }
    target = candidates[0]
    since = [
        entry
        for entry in history
        if str(entry.get("run")) > str(target.get("run")) and entry.get("outcome") not in UNTOUCHED
    ]
    contracts = [str(one) for entry in since for one in entry.get("contract") or []]
    refusal = (
        f"{target.get('release')} can't run on this schema: since then migrations removed or tightened what it uses: "
        f"{'; '.join(contracts)}. Mend forward instead: release an image with the fix, playbooks/deploy.yml "
        "-e release=<tag>. Only a restore of the database brings the old schema back, and loses what was written since."
        if contracts
        else ""
    )
    return {"release": str(target.get("release")), "refusal": refusal}


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"migration_plan": migration_plan, "way_back": way_back}
