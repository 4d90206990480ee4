"""Classify migrations: which ones does the previous release work with?

During a release, and after a rollback, the previous release runs on the new schema. A migration that adds, fills or
relaxes is *compatible*. One that removes, renames or tightens what the previous release reads or writes is *breaking*,
and so is an operation that no rule covers. The author of a migration may override this by `compatible = True` or
`breaking = True` in its class.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.migrations import Migration
from django.db.migrations.state import ProjectState

from campshub360.compatibility.descriptions import describe
from campshub360.compatibility.rules import Models, breaking_reasons


@dataclass(frozen=True)
class PendingMigration:
    """A migration that is not applied yet. kind: compatible or breaking; reasons: why it is breaking."""

    migration: str
    kind: str
    operations: list[str]
    reasons: list[str]


def classify_all(plan: Iterable[tuple[Migration, bool]], *, first: bool) -> list[PendingMigration]:
    """Return the migrations that are not applied yet, classified.

    plan: all migrations in their order, each with whether it is applied; first: there is no previous release.
    """
    state, created, found = ProjectState(), Models(), []
    for migration, applied in plan:
        if applied:
            migration.mutate_state(state, preserve=False)
        else:
            found.append(classify(migration, state, created, first=first))
    return found


def classify(migration: Migration, state: ProjectState, created: Models, *, first: bool = False) -> PendingMigration:
    """Return a migration, classified.

    Applies it to `state`, and adds its new models to `created`.
    """
    app, told, reasons = migration.app_label, [], []
    for operation in migration.operations:
        text = describe(operation, app, state)
        told.append(text)
        reasons += [f"{text}: {why}" for why in breaking_reasons(operation, app, state, created)]
        operation.state_forwards(app, state)
    if getattr(migration, "breaking", False):
        reasons = ["its author says so", *reasons]
    elif first or getattr(migration, "compatible", False):
        reasons = []
    return PendingMigration(f"{app}.{migration.name}", "breaking" if reasons else "compatible", told, reasons)
