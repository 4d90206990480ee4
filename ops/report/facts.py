"""What is known of a release apart from what was measured, cleaned: any part may be missing when it was cut short."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

UNKNOWN = "unknown"
# What neither XML nor a terminal should get.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
MOST_CHARACTERS = 2000
# docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html: safe characters; a digest has a colon.
RUN = re.compile(r"(?!\.)[A-Za-z0-9._:-]{1,200}")
OUTCOMES = ("released", "rolled back", "failed", "unchanged", "refused", "started")
# Nothing was begun, so there is nothing to keep evidence of.
IDLE = ("unchanged", "refused")


@dataclass(frozen=True)
class Facts:
    run: str
    stack: str
    release: str
    outcome: str
    failure_reason: str
    started: float | None
    finished: float | None
    digest: str = UNKNOWN
    git_sha: str = UNKNOWN
    operator: str = UNKNOWN
    change_reason: str = ""
    task_definition: str = ""
    previous_release: str = ""
    previous_task_definition: str = ""
    strategy: str = ""
    schema_before: str = ""
    schema_after: str = ""
    breaking_migrations: list[str] = field(default_factory=list)
    probe: Mapping[str, Any] = field(default_factory=dict)
    analyses: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def not_measured(self) -> str:
        """Why the probe's figures do not cover the whole run; empty if they do, or if no probe was to run."""
        return text(self.probe.get("not_measured"))


def text(value: Any, otherwise: str = "") -> str:
    if value is None or value == "":
        return otherwise
    return CONTROL.sub("\N{REPLACEMENT CHARACTER}", str(value))[:MOST_CHARACTERS]


def moment(value: Any) -> float | None:
    """Epoch seconds of a number, of 2026-11-25T11:30:00Z or of 20261125T113000Z; None for what is neither."""
    if value is None or isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        pass
    try:
        parsed = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def iso(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def name_of(migration: Any) -> str:
    return text(migration.get("migration", migration) if isinstance(migration, Mapping) else migration)


def facts_from(run: str, given: Mapping[str, Any]) -> Facts:
    schema = given.get("schema") or {}
    outcome = text(given.get("outcome"), "started")
    return Facts(
        run=run,
        stack=text(given.get("stack"), UNKNOWN),
        release=text(given.get("release"), UNKNOWN),
        outcome=outcome if outcome in OUTCOMES else "failed",
        failure_reason=text(given.get("failure_reason")).strip().rstrip("."),
        started=moment(given.get("started")),
        finished=moment(given.get("finished")),
        digest=text(given.get("digest"), UNKNOWN),
        git_sha=text(given.get("git_sha"), UNKNOWN),
        operator=text(given.get("operator"), UNKNOWN),
        change_reason=text(given.get("change_reason")),
        task_definition=text(given.get("task_definition")),
        previous_release=text(given.get("previous_release")),
        previous_task_definition=text(given.get("previous_task_definition")),
        strategy=text(given.get("strategy")),
        schema_before=text(schema.get("before")),
        schema_after=text(schema.get("after")),
        breaking_migrations=[name_of(migration) for migration in schema.get("breaking_migrations") or []],
        probe=given.get("probe") or {},
        analyses=list(given.get("analyses") or []),
    )
