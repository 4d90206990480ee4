"""The schema of the database, and the schema that this release needs."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from campshub360.compatibility import PendingMigration, classify_all

DOMAIN = "campus"  # the app whose newest migration is the schema's version


@dataclass(frozen=True)
class Plan:
    """The migration plan. Names are `app.name`.

    before, after: the domain's newest migration in the database and in the image.
    """

    before: str | None
    after: str
    pending: list[PendingMigration]
    unknown: list[str]


def version() -> str | None:
    """Return the domain's migration that was applied last; None if there is none."""
    recorder = MigrationRecorder(connection)
    if not recorder.has_table():
        return None
    rows = recorder.migration_qs.filter(app=DOMAIN).order_by("-id").values_list("name", flat=True)
    name = rows.first()
    return name and f"{DOMAIN}.{name}"


def plan() -> Plan:
    """Return what `migrate` would do. Read only."""
    executor = MigrationExecutor(connection)
    loader, before = executor.loader, version()
    known = set(loader.disk_migrations) | {old for new in loader.disk_migrations.values() for old in new.replaces}
    return Plan(
        before=before,
        after=newest(executor),
        pending=classify_all(history(executor), first=before is None),
        unknown=sorted(".".join(key) for key in loader.applied_migrations.keys() - known),
    )


def newest(executor: MigrationExecutor) -> str:
    """Return the domain's newest migration of this image."""
    return ".".join(executor.loader.graph.leaf_nodes(DOMAIN)[0])


def history(executor: MigrationExecutor) -> Iterator[tuple[Migration, bool]]:
    """Yield all migrations of this image in their order, each with whether it is applied."""
    graph, applied = executor.loader.graph, executor.loader.applied_migrations
    for migration, _ in executor.migration_plan(graph.leaf_nodes(), clean_start=True):
        yield migration, (migration.app_label, migration.name) in applied
