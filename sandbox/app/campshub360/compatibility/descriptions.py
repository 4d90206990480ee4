"""Describe an operation in a line, such as `RemoveField campus.Student.nickname`. No SQL: it may hold data."""

from django.db import migrations
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


def describe(operation: Operation, app: str, state: ProjectState) -> str:
    """Return the description of an operation."""
    kind = type(operation).__name__
    if isinstance(operation, migrations.SeparateDatabaseAndState):
        return f"{kind}({', '.join(describe(one, app, state) for one in operation.database_operations)})"
    if isinstance(operation, migrations.RunPython):
        return f"{kind} {getattr(operation.code, '__name__', 'code')}"
    parts = [part for part in (model(operation, app, state), item(operation)) if part]
    return f"{kind} {'.'.join([app, *parts])}" if parts else kind


def model(operation: Operation, app: str, state: ProjectState) -> str | None:
    """Return the model as its class is spelled: operations often have it in lower case."""
    name = getattr(operation, "model_name", None)
    known = state.models.get((app, (name or "").lower()))
    return known.name if known else name


def item(operation: Operation) -> str | None:
    """Return the part of the model that the operation changes, or the model itself."""
    old, new = getattr(operation, "old_name", None), getattr(operation, "new_name", None)
    if old and new:
        return f"{old} to {new}"
    part = getattr(operation, "index", None) or getattr(operation, "constraint", None)
    return getattr(part, "name", None) or getattr(operation, "name", None)
