"""The rules: for each kind of operation, why it would break the previous release."""

from collections.abc import Callable, Iterator

from django.contrib.postgres import operations as postgres
from django.db import migrations
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import UniqueConstraint

from campshub360.compatibility.fields import narrowed

Models = set[tuple[str, str]]  # (app, name in lower case)
Rule = Callable[[Operation, str, ProjectState], str | None]  # the reason, or None: it is harmless


def breaking_reasons(operation: Operation, app: str, state: ProjectState, created: Models) -> Iterator[str]:
    """Yield why the operation would break the previous release. `created`: models that it does not use."""
    if isinstance(operation, migrations.SeparateDatabaseAndState):
        changed = state.clone()
        for inner in operation.database_operations:  # the rest is only what Django thinks of it
            yield from breaking_reasons(inner, app, changed, created)
            inner.state_forwards(app, changed)
        return
    if isinstance(operation, migrations.CreateModel):
        created.add((app, operation.name_lower))
    names = (getattr(operation, name, None) for name in ("model_name_lower", "old_name_lower", "name_lower"))
    if (app, next(filter(None, names), "")) in created:
        return
    if why := rule_for(type(operation))(operation, app, state):
        yield why


def rule_for(kind: type[Operation]) -> Rule:
    """Return the operation's own rule, or that of its nearest base class."""
    return next((RULES[one] for one in kind.__mro__ if one in RULES), because("no rule knows it"))


def harmless(operation: Operation, app: str, state: ProjectState) -> None:
    return None


def because(reason: str) -> Rule:
    return lambda operation, app, state: reason


def add_field(operation: migrations.AddField, app: str, state: ProjectState) -> str | None:
    """Return a reason for a column without a default in the database, which Django's `default` is not."""
    field = operation.field
    if field.many_to_many or field.null or getattr(field, "generated", False):
        return None
    if not field.has_db_default():
        return "the previous release inserts rows without it: it needs null=True or a db_default"
    return "two rows of the previous release would have the same value" if field.unique else None


def alter_field(operation: migrations.AlterField, app: str, state: ProjectState) -> str | None:
    return narrowed(state.models[app, operation.model_name_lower].fields[operation.name], operation.field)


def alter_table(operation: migrations.AlterModelTable, app: str, state: ProjectState) -> str | None:
    same = state.models[app, operation.name_lower].options.get("db_table") == operation.table
    return None if same else RENAMED


def remove_constraint(operation: migrations.RemoveConstraint, app: str, state: ProjectState) -> str | None:
    constraint = state.models[app, operation.model_name_lower].get_constraint_by_name(operation.name)
    return UPSERT if isinstance(constraint, UniqueConstraint) else None


def run_python(operation: migrations.RunPython, app: str, state: ProjectState) -> str | None:
    return None if operation.code is migrations.RunPython.noop else OPAQUE


def run_sql(operation: migrations.RunSQL, app: str, state: ProjectState) -> str | None:
    return OPAQUE if operation.sql else None


OPAQUE = "nothing tells what it does, but its author can: compatible = True"
STILL_USED = "the previous release may read or write it"
RENAMED = "the previous release knows the old name"
TIGHTENS = "what the previous release writes may be refused"
UPSERT = "the previous release may rely on it, as ON CONFLICT does"
RULES: dict[type[Operation], Rule] = {
    migrations.CreateModel: harmless,
    migrations.AddField: add_field,
    migrations.AddIndex: harmless,
    migrations.RemoveIndex: harmless,
    migrations.RenameIndex: harmless,
    migrations.AlterModelOptions: harmless,
    migrations.AlterModelManagers: harmless,
    migrations.AlterModelTableComment: harmless,
    migrations.AlterConstraint: harmless,  # it is for changes that only Python sees
    migrations.RemoveConstraint: remove_constraint,
    migrations.AlterField: alter_field,
    migrations.AlterModelTable: alter_table,
    migrations.RunPython: run_python,
    migrations.RunSQL: run_sql,
    migrations.RemoveField: because(STILL_USED),
    migrations.DeleteModel: because(STILL_USED),
    migrations.RenameField: because(RENAMED),
    migrations.RenameModel: because(RENAMED),
    migrations.AddConstraint: because(TIGHTENS),
    migrations.AlterUniqueTogether: because(TIGHTENS),
    migrations.AlterOrderWithRespectTo: because(TIGHTENS),
    postgres.CreateExtension: harmless,
    postgres.CreateCollation: harmless,
    postgres.ValidateConstraint: harmless,  # new rows were held to it before
}
