"""Changes of a field: does the previous release work with the new one?"""

from collections.abc import Callable
from typing import Any

from django.db.models import Field

Change = Callable[[Any, Any], bool]  # (old, new) -> whether the previous release gets along with it

WIDER = {
    ("SmallIntegerField", "IntegerField"),
    ("SmallIntegerField", "BigIntegerField"),
    ("IntegerField", "BigIntegerField"),
    ("SmallAutoField", "AutoField"),
    ("SmallAutoField", "BigAutoField"),
    ("AutoField", "BigAutoField"),
    ("CharField", "TextField"),
}


def narrowed(old: Field, new: Field) -> str | None:
    """Return why the previous release may not work with the new field, or None."""
    kinds = (old.get_internal_type(), new.get_internal_type())
    if kinds[0] != kinds[1] and kinds not in WIDER:
        return f"its type changes from {kinds[0]} to {kinds[1]}"
    before, after = ({**START, **field.deconstruct()[3]} for field in (old, new))
    for name in sorted(before.keys() | after.keys()):
        was, becomes = before.get(name), after.get(name)
        if was != becomes and not CHANGES.get(name, never)(was, becomes):
            return f"its {name} changes from {was} to {becomes}"
    return None


def never(old: object, new: object) -> bool:
    return False


def anything(old: object, new: object) -> bool:
    return True


def to_true(old: object, new: object) -> bool:
    return bool(new)


def to_false(old: object, new: object) -> bool:
    return not new


def grows(old: int | None, new: int | None) -> bool:
    return new is None or (old is not None and new >= old)


def stays(old: object, new: object) -> bool:
    """Return whether there is still a default, with whatever value: the previous release relies on one."""
    return new is not None


#: Options that deconstruct() leaves out when they have this value.
START: dict[str, Any] = {"null": False, "db_constraint": True}
CHANGES: dict[str, Change] = {
    "null": to_true,
    "db_constraint": to_false,
    "max_length": grows,
    "max_digits": grows,
    "db_default": stays,
    **dict.fromkeys(("db_index", "db_comment"), anything),
    # Python's alone: the database knows nothing of them.
    **dict.fromkeys(
        (
            *Field.non_db_attrs,
            *("default", "auto_now", "auto_now_add", "serialize", "storage", "upload_to"),
        ),
        anything,
    ),
    "db_column": never,  # among Django's non_db_attrs, since it handles renaming elsewhere
}
