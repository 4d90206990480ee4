"""Where a rollback leads, by the releases that the audit log has (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Entry = Mapping[str, Any]

# Outcomes with which a release ended before its migrations; "started" may be anywhere.
UNTOUCHED = {"refused", "unchanged"}


def entry_of(history: Iterable[Entry], running: str | None) -> Entry:
    """Return the newest entry, newest first, of what the service runs; empty if none.

    Whatever its outcome: ECS finishes what has no operator any more, and then nobody records that.
    """
    return next((entry for entry in history if running and entry.get("task_definition") == running), {})


def rollback_target(history: Iterable[Entry], running: str, release: str = "") -> dict[str, Any]:
    """Return the release to which a rollback leads: the one before what runs, or the named one; or a refusal.

    history: the audit log's entries, newest first. running: the service's task definition.
    """
    entries = list(history)
    current = entry_of(entries, running)
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
        return {"release": "", "refusal": no_target(current, running, others, release)}
    target = candidates[0]
    return {"release": str(target.get("release")), "refusal": incompatible(target, entries[: entries.index(target)])}


def image(entry: Entry) -> str:
    return str(entry.get("digest") or entry.get("release"))


def left_behind(current: Entry, ended: list[Entry]) -> set[str]:
    """Return the images from which somebody went back to what runs: released after it had been released before."""
    same = [number for number, entry in enumerate(ended) if image(entry) == image(current)]
    return {image(entry) for entry in ended[: same[-1]]} if same else set()


def no_target(current: Entry, running: str, others: list[Entry], release: str) -> str:
    """Return why no release is the one to go back to, and what can be done."""
    known = ", ".join(dict.fromkeys(str(entry.get("release")) for entry in others)) or "none"
    named = "playbooks/rollback.yml -e release=<tag>"
    instead = "Release an image instead: playbooks/deploy.yml -e release=<tag or digest>"
    if not current and not others:
        return "No release is in the audit log, so there is nothing to go back to."
    if not current and not release:
        short = running.rpartition("/")[2]
        return f"What runs ({short}) is not in the audit log, nor what came before it. Name one of {known}: {named}"
    if release and release in (current.get("release"), current.get("digest")):
        return f"{release} runs already. Name another (older ones: {known}): {named}"
    if others and not release:
        return (
            f"{current.get('release')} runs since a rollback from {known}. To go there all the same: {named}. {instead}"
        )
    runs = current.get("release") or running.rpartition("/")[2]
    return f"{runs} runs, and no release {release or 'before it'} is in the audit log (older ones: {known}). {instead}"


def incompatible(target: Entry, since: list[Entry]) -> str:
    """Return why the target can't run on what the entries since then, however they ended, made of the schema; or ""."""
    breaking = [
        str(one)
        for entry in since
        if entry.get("outcome") not in UNTOUCHED
        for one in entry.get("breaking_migrations") or []
    ]
    if not breaking:
        return ""
    return (
        f"{target.get('release')} can't run on this schema: since then migrations removed or tightened what it uses: "
        f"{'; '.join(breaking)}. Fix forward instead: release an image with the fix, playbooks/deploy.yml "
        "-e release=<tag>. Only a restore of the database brings the old schema back, and loses what was written since."
    )
