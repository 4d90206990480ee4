"""The facts of a release that were not measured, cleaned. Any part may be missing when the release was cut short."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ops.report.values import UNKNOWN, moment, text

# docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html: safe characters; a digest has a colon.
RUN = re.compile(r"(?!\.)[A-Za-z0-9._:-]{1,200}")
OUTCOMES = ("released", "rolled back", "failed", "unchanged", "refused", "started")
# Nothing was started, so there is nothing to report.
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
        """Return why the probe's figures do not cover the whole run; empty if they do, or if no probe was to run."""
        return text(self.probe.get("not_measured"))


def name_of(migration: Any) -> str:
    return text(migration.get("migration", migration) if isinstance(migration, Mapping) else migration)


def facts_from(run: str, given: Mapping[str, Any]) -> Facts:
    """Create the facts of the role's option `report_facts`; the README of the role lists its keys."""
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
