"""Does a migration leave the previous release working?

While a release is rolled out, and after it was rolled back, the previous release runs on the new schema. A migration
that adds, fills or relaxes is *expand*; one that removes, renames or tightens what that release reads or writes is
*contract*. What no rule knows is contract. The author of a migration knows better and says so: `expand = True` or
`contract = True` in its class.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.migrations import Migration
from django.db.migrations.state import ProjectState

from campshub360.compatibility.rules import Models, objections
from campshub360.compatibility.words import words


@dataclass(frozen=True)
class Verdict:
    """What a migration does, and what speaks against having the previous release beside it."""

    migration: str
    kind: str
    operations: list[str]
    reasons: list[str]


def judge_all(plan: Iterable[tuple[Migration, bool]], *, first: bool) -> list[Verdict]:
    """Judge what is not applied yet.

    plan: all migrations in their order, each with whether it is applied; first: there is no previous release.
    """
    state, created, verdicts = ProjectState(), Models(), []
    for migration, applied in plan:
        if applied:
            migration.mutate_state(state, preserve=False)
        else:
            verdicts.append(judge(migration, state, created, first=first))
    return verdicts


def judge(migration: Migration, state: ProjectState, created: Models, *, first: bool = False) -> Verdict:
    """Judge a migration, and carry `state` and `created`, the models that are new, over it."""
    app, told, reasons = migration.app_label, [], []
    for operation in migration.operations:
        text = words(operation, app, state)
        told.append(text)
        reasons += [f"{text}: {why}" for why in objections(operation, app, state, created)]
        operation.state_forwards(app, state)
    if getattr(migration, "contract", False):
        reasons = ["its author says so", *reasons]
    elif first or getattr(migration, "expand", False):
        reasons = []
    return Verdict(f"{app}.{migration.name}", "contract" if reasons else "expand", told, reasons)
