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
            contract = [described(one) for one in pending if one.get("kind") == "breaking"]
            return {"found": True, "before": said.get("before"), "after": said.get("after"), "contract": contract}
    return {"found": False, "before": None, "after": None, "contract": []}


def described(migration: Mapping[str, Any]) -> str:
    return f"{migration['migration']} ({', '.join(migration.get('operations') or ['no operations'])})"


def what_runs(history: Iterable[Mapping[str, Any]], running: str | None) -> Mapping[str, Any]:
    """The newest entry, newest first, of what the service runs; empty if none.

    Whatever its outcome: ECS finishes what nobody leads, and then nobody writes that down.
    """
    return next((entry for entry in history if running and entry.get("task_definition") == running), {})


def way_back(history: Iterable[Mapping[str, Any]], running: str, release: str = "") -> dict[str, Any]:
    """Where a rollback leads: the release before what runs, or the named one, or why there is no way.

    history: the audit's entries, newest first. running: the service's task definition.
    """
    entries = list(history)
    current = what_runs(entries, running)
    before = entries[entries.index(current) + 1 :] if current else entries
    ended = [entry for entry in before if entry.get("outcome") == "released"]
    others = [
        entry
        for entry in ended
        if entry.get("task_definition") != running and (not current or image(entry) != image(current))
    ]
    left = left_behind(current, ended)
    if release:
        candidates = [entry for entry in others if release in (entry.get("release"), entry.get("digest"))]
    else:
        candidates = [entry for entry in others if current and image(entry) not in left]
    if not candidates:
        return {"release": "", "refusal": astray(current, running, others, release)}
    target = candidates[0]
    return {"release": str(target.get("release")), "refusal": closed(target, entries[: entries.index(target)])}


def image(entry: Mapping[str, Any]) -> str:
    return str(entry.get("digest") or entry.get("release"))


def left_behind(current: Mapping[str, Any], ended: list[Mapping[str, Any]]) -> set[str]:
    """Images from which somebody went back to what runs: released after it had been released before."""
    same = [number for number, entry in enumerate(ended) if image(entry) == image(current)]
    return {image(entry) for entry in ended[: same[-1]]} if same else set()


def astray(current: Mapping[str, Any], running: str, others: list[Mapping[str, Any]], release: str) -> str:
    """Why no release is the one to go back to, and what can be done."""
    known = ", ".join(dict.fromkeys(str(entry.get("release")) for entry in others)) or "none"
    named = "playbooks/rollback.yml -e release=<tag>"
    instead = "Release an image instead: playbooks/deploy.yml -e release=<tag or digest>"
    if not current and not others:
        return "No release is on record, so there is nothing to go back to."
    if not current and not release:
        short = running.rpartition("/")[2]
        return f"What runs ({short}) is on no record, nor what came before it. Name one of {known}: {named}"
    if release and release in (current.get("release"), current.get("digest")):
        return f"{release} runs already. Name another (older ones: {known}): {named}"
    if others and not release:
        return (
            f"{current.get('release')} runs since a rollback from {known}. To go there all the same: {named}. {instead}"
        )
    runs = current.get("release") or running.rpartition("/")[2]
    return f"{runs} runs, and no release {release or 'before it'} is on record (older ones: {known}). {instead}"


def closed(target: Mapping[str, Any], since: list[Mapping[str, Any]]) -> str:
    """Why the target can't run on what the entries since then, however they ended, made of the schema; or nothing."""
    contracts = [
        str(one) for entry in since if entry.get("outcome") not in UNTOUCHED for one in entry.get("contract") or []
    ]
    if not contracts:
        return ""
    return (
        f"{target.get('release')} can't run on this schema: since then migrations removed or tightened what it uses: "
        f"{'; '.join(contracts)}. Fix forward instead: release an image with the fix, playbooks/deploy.yml "
        "-e release=<tag>. Only a restore of the database brings the old schema back, and loses what was written since."
    )


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"migration_plan": migration_plan, "way_back": way_back, "what_runs": what_runs}
