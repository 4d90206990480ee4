"""How a run of deploy.yml has gone so far, by the results of its tasks (pure).

A result is what a task registered, {} before it ran. Whatever is known by now is enough: a run may fail anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ops.release.migrations import migration_plan
from ops.release.rollback import entry_of

Result = Mapping[str, Any]

# Of what may differ, what starts a deployment; the rest only says how later ones go.
DEPLOYING = {"task_definition", "network", "load_balancer", "forced"}
COMMIT = re.compile(r"[0-9a-f]{40}")
FIRST = "green"  # the target group to which a release goes while nothing is known of the traffic
ALREADY = "It ran already; now the audit log says so"


@dataclass(frozen=True)
class Results:
    """preflight: what the first one found. definition, migrations, static: of these tasks.

    plan: of the comparison of the service. service: of its update. step: of the last release_step. rollback: of the
    last observation of a deployment that was rolled back. failure: of the task that failed.
    """

    preflight: Result = field(default_factory=dict)
    definition: Result = field(default_factory=dict)
    migrations: Result = field(default_factory=dict)
    static: Result = field(default_factory=dict)
    plan: Result = field(default_factory=dict)
    service: Result = field(default_factory=dict)
    step: Result = field(default_factory=dict)
    rollback: Result = field(default_factory=dict)
    failure: Result = field(default_factory=dict)

    @property
    def due(self) -> bool:
        """Return whether a deployment is due. Once the service is updated, its own result alone says so."""
        return bool(DEPLOYING & {*(self.plan.get("changes") or []), *(self.service.get("changes") or [])})

    @property
    def deployment(self) -> str:
        """Return the ARN of the deployment that this run began: another operator's is not ours to roll back."""
        return str((self.service.get("resource") or {}).get("deployment") or "")

    @property
    def observed(self) -> Result:
        """Return the last observation of that deployment."""
        mine = self.rollback and self.rollback.get("deployment") == self.deployment
        return self.rollback if mine and self.deployment else self.step


def is_unfinished(preflight: Result, rollback: Result) -> bool:
    """Return whether a first release that was stopped has left its task definition, and nothing that serves."""
    stopped = bool(preflight.get("orphan")) and rollback.get("status") == "STOPPED"
    return bool(preflight.get("unfinished")) or stopped


def alarms_of(alarms: Mapping[str, Sequence[str]], preflight: Result) -> list[str]:
    """Return the alarms of where the release goes: they may roll it back, the other ones say nothing about it."""
    return list(alarms.get(preflight.get("target") or FIRST) or [])


def outcome(results: Results, recorded: str) -> str:
    """Return the outcome so far. recorded: what the audit log says of what ran before; released if it says nothing."""
    if results.failure and not results.static:
        return "refused"
    if not results.failure:
        if not results.due:
            # its operator died, or S3 did not take its end: the same release again records that it runs
            return "unchanged" if recorded == "released" else "released"
        if not results.deployment:
            return "started"
        if results.observed.get("succeeded"):
            return "released"
    return "rolled back" if results.observed.get("status") == "ROLLBACK_SUCCESSFUL" else "failed"


def failure_reason(results: Results, due: bool) -> str:
    """Return why it ended so: the first line of a failure, else the end of the deployment."""
    lines = str(results.failure.get("msg") or "").splitlines()
    return (lines[0] if lines else "") or str(results.observed.get("outcome") or "") or ("" if due else ALREADY)


def commit(tags: Sequence[str]) -> str:
    """Return the tag that is a commit: such an image says itself of which it was built."""
    return next((tag for tag in tags if COMMIT.fullmatch(tag)), "")


def facts(results: Results, options: Mapping[str, Any], history: Sequence[Result], now: datetime) -> dict[str, Any]:
    """Return the facts of a release's report and audit log: whatever is known by now.

    options: release, git_sha, operator, change_reason, strategy, started.
    """
    preflight, due = results.preflight, results.due
    before = entry_of(history, preflight.get("running"))
    return {
        **options,
        "digest": preflight.get("digest") or "",
        "git_sha": options["git_sha"] or commit(preflight.get("tags") or []),
        "task_definition": (results.definition.get("resource") or {}).get("arn") or "",
        "previous_task_definition": preflight.get("running") or "",
        "previous_release": before.get("release") or "",
        "schema": migration_plan(results.migrations.get("lines") or []),
        "finished": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "outcome": outcome(results, str(before.get("outcome") or "released")),
        "failure_reason": failure_reason(results, due),
    }


def missing_parts(needs: Mapping[str, bool]) -> list[str]:
    """Return what must be there before a release, and is not."""
    return [name for name, there in needs.items() if there is not True]
