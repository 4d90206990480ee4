"""The rules that classify a migration's operations: a row for each rule."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from django.apps import apps  # type: ignore[import-untyped]
from django.contrib.postgres import operations as postgres  # type: ignore[import-untyped]
from django.db import migrations, models  # type: ignore[import-untyped]
from django.db.migrations.state import ProjectState  # type: ignore[import-untyped]
from django.db.models import CheckConstraint, Index, Q, UniqueConstraint  # type: ignore[import-untyped]

from .harness import APP

COMPATIBLE, BREAKING = "compatible", "breaking"
AUTHOR = "its author says so"
BASE = [
    migrations.CreateModel(
        "Student",
        [
            ("id", models.AutoField(primary_key=True)),
            ("name", models.CharField(max_length=100)),
            ("note", models.CharField(max_length=9, null=True)),
            ("grade", models.IntegerField(db_default=1)),
            ("fee", models.DecimalField(max_digits=8, decimal_places=2)),
        ],
        options={
            "constraints": [
                UniqueConstraint(fields=["name"], name="name_once"),
                CheckConstraint(condition=Q(grade__gt=0), name="grade_positive"),
            ],
            "indexes": [Index(fields=["grade"], name="by_grade")],
        },
    ),
    migrations.CreateModel(
        "Seat",
        [
            ("id", models.AutoField(primary_key=True)),
            ("student", models.ForeignKey("campus.Student", models.CASCADE)),
        ],
    ),
]


@pytest.fixture(scope="module")
def compatibility() -> Iterator[ModuleType]:
    apps.populate([])  # Django wants to have looked for models, be there none
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(APP)
        yield importlib.import_module("campshub360.compatibility")


def a_function(apps: object, editor: object) -> None: ...


def field(name: str, new: models.Field[Any, Any]) -> migrations.AlterField:
    return migrations.AlterField("student", name, new)


def add(new: models.Field[Any, Any]) -> migrations.AddField:
    return migrations.AddField("student", "extra", new)


class OwnOperation(migrations.operations.base.Operation):  # type: ignore[misc]
    """An operation that no rule covers."""

    def state_forwards(self, app_label: str, state: ProjectState) -> None: ...


class OwnRemoval(migrations.RemoveField):  # type: ignore[misc]
    """A subclass of an operation that a rule covers."""


remove_note = migrations.RemoveField("student", "note")
ROWS: list[tuple[str, Any]] = [
    # whole models
    (COMPATIBLE, migrations.CreateModel("Room", [("id", models.AutoField(primary_key=True))])),
    (BREAKING, migrations.DeleteModel("Seat")),
    (BREAKING, migrations.RenameModel("Seat", "Place")),
    (BREAKING, migrations.AlterModelTable("seat", "places")),
    (COMPATIBLE, migrations.AlterModelTable("seat", None)),
    (COMPATIBLE, migrations.AlterModelTableComment("seat", "where one sits")),
    (COMPATIBLE, migrations.AlterModelOptions("seat", {"ordering": ["id"]})),
    (COMPATIBLE, migrations.AlterModelManagers("seat", [])),
    (BREAKING, migrations.AlterUniqueTogether("student", {("name", "grade")})),
    (BREAKING, migrations.AlterOrderWithRespectTo("seat", "student")),
    # new columns: the previous release's INSERT does not name them
    (COMPATIBLE, add(models.CharField(max_length=9, null=True))),
    (BREAKING, add(models.CharField(max_length=9))),
    (BREAKING, add(models.CharField(max_length=9, default=""))),
    (COMPATIBLE, add(models.CharField(max_length=9, db_default=""))),
    (BREAKING, add(models.CharField(max_length=9, db_default="", unique=True))),
    (COMPATIBLE, add(models.ManyToManyField("campus.Seat"))),
    (
        COMPATIBLE,
        add(models.GeneratedField(expression=models.F("grade"), output_field=models.IntegerField(), db_persist=True)),
    ),
    # columns that go
    (BREAKING, remove_note),
    (BREAKING, OwnRemoval("student", "note")),
    (BREAKING, migrations.RenameField("student", "note", "remark")),
    # columns that change
    (COMPATIBLE, field("name", models.CharField(max_length=200))),
    (BREAKING, field("name", models.CharField(max_length=50))),
    (COMPATIBLE, field("name", models.TextField())),
    (COMPATIBLE, field("name", models.CharField(max_length=100, null=True))),
    (BREAKING, field("note", models.CharField(max_length=9))),
    (BREAKING, field("note", models.CharField(max_length=9, default=""))),
    (BREAKING, field("name", models.CharField(max_length=100, unique=True))),
    (COMPATIBLE, field("name", models.CharField(max_length=100, db_index=True))),
    (COMPATIBLE, field("name", models.CharField(max_length=100, default="x", choices=[("x", "X")], verbose_name="n"))),
    (BREAKING, field("name", models.CharField(max_length=100, db_column="full_name"))),
    (BREAKING, field("name", models.CharField(max_length=100, db_collation="C"))),
    (COMPATIBLE, field("grade", models.BigIntegerField(db_default=1))),
    (BREAKING, field("grade", models.SmallIntegerField(db_default=1))),
    (BREAKING, field("grade", models.PositiveIntegerField(db_default=1))),
    (BREAKING, field("grade", models.CharField(max_length=9, db_default="1"))),
    (COMPATIBLE, field("grade", models.IntegerField(db_default=2))),
    (BREAKING, field("grade", models.IntegerField())),
    (COMPATIBLE, field("fee", models.DecimalField(max_digits=10, decimal_places=2))),
    (BREAKING, field("fee", models.DecimalField(max_digits=8, decimal_places=3))),
    (BREAKING, migrations.AlterField("seat", "student", models.OneToOneField("campus.Student", models.CASCADE))),
    (BREAKING, migrations.AlterField("seat", "student", models.ForeignKey("campus.Seat", models.CASCADE))),
    (COMPATIBLE, migrations.AlterField("seat", "student", models.ForeignKey("campus.Student", models.PROTECT))),
    (
        COMPATIBLE,
        migrations.AlterField(
            "seat", "student", models.ForeignKey("campus.Student", models.CASCADE, db_constraint=False)
        ),
    ),
    # indexes and constraints
    (COMPATIBLE, migrations.AddIndex("student", Index(fields=["fee"], name="by_fee"))),
    (COMPATIBLE, postgres.AddIndexConcurrently("student", Index(fields=["fee"], name="by_fee"))),
    (COMPATIBLE, migrations.RemoveIndex("student", "by_grade")),
    (COMPATIBLE, migrations.RenameIndex("student", new_name="grades", old_name="by_grade")),
    (BREAKING, migrations.AddConstraint("student", UniqueConstraint(fields=["fee"], name="fee_once"))),
    (
        BREAKING,
        postgres.AddConstraintNotValid("student", CheckConstraint(condition=Q(fee__gt=0), name="fee_positive")),
    ),
    (COMPATIBLE, postgres.ValidateConstraint("student", "grade_positive")),
    (BREAKING, migrations.RemoveConstraint("student", "name_once")),
    (COMPATIBLE, migrations.RemoveConstraint("student", "grade_positive")),
    (
        COMPATIBLE,
        migrations.AlterConstraint(
            "student",
            "grade_positive",
            CheckConstraint(condition=Q(grade__gt=0), name="grade_positive", violation_error_message="no"),
        ),
    ),
    # what can't be classified
    (BREAKING, migrations.RunSQL("SELECT 1")),
    (COMPATIBLE, migrations.RunSQL("")),
    (BREAKING, migrations.RunPython(a_function)),
    (COMPATIBLE, migrations.RunPython(migrations.RunPython.noop)),
    (BREAKING, OwnOperation()),
    # what Django calls otherwise is classified by what the database sees
    (COMPATIBLE, migrations.SeparateDatabaseAndState(state_operations=[remove_note])),
    (BREAKING, migrations.SeparateDatabaseAndState(database_operations=[remove_note])),
    # extensions
    (COMPATIBLE, postgres.TrigramExtension()),
    (COMPATIBLE, postgres.CreateCollation("plain", "C")),
    (BREAKING, postgres.RemoveCollation("plain", "C")),
]


def classified(compatibility: ModuleType, *operations: Any, first: bool = False, **marks: bool) -> Any:
    state = ProjectState()
    for operation in BASE:
        operation.state_forwards("campus", state)
    migration = migrations.Migration("0002_next", "campus")
    migration.operations = list(operations)
    for mark, value in marks.items():
        setattr(migration, mark, value)
    return compatibility.classify(migration, state, set(), first=first)


@pytest.mark.parametrize(
    ("kind", "operation"), ROWS, ids=[f"{n}-{kind}-{type(row).__name__}" for n, (kind, row) in enumerate(ROWS)]
)
def test_a_rule(compatibility: ModuleType, kind: str, operation: Any) -> None:
    found = classified(compatibility, operation)
    assert (found.migration, found.kind) == ("campus.0002_next", kind), found.reasons
    assert bool(found.reasons) == (kind == BREAKING)


def test_every_rule_has_a_row(compatibility: ModuleType) -> None:
    from campshub360.compatibility.rules import RULES  # type: ignore[import-not-found]

    tried = {one for _, operation in ROWS for one in type(operation).__mro__}
    assert not RULES.keys() - tried


def test_one_operation_is_enough_for_breaking_and_is_named(compatibility: ModuleType) -> None:
    found = classified(compatibility, add(models.IntegerField(null=True)), remove_note)
    assert found.kind == BREAKING
    assert found.operations == ["AddField campus.Student.extra", "RemoveField campus.Student.note"]
    (reason,) = found.reasons
    assert reason.startswith("RemoveField campus.Student.note: ")


def test_what_the_same_plan_has_made_nobody_else_knows(compatibility: ModuleType) -> None:
    room = migrations.CreateModel("Room", [("id", models.AutoField(primary_key=True)), ("no", models.IntegerField())])
    assert classified(compatibility, room, migrations.RemoveField("room", "no")).kind == COMPATIBLE


@pytest.mark.parametrize(
    ("marks", "kind"), [({"compatible": True}, COMPATIBLE), ({"breaking": True}, BREAKING), ({}, BREAKING)], ids=str
)
def test_the_author_knows_better_than_the_rules(compatibility: ModuleType, marks: dict[str, bool], kind: str) -> None:
    assert classified(compatibility, migrations.RunSQL("SELECT 1"), **marks).kind == kind


def test_the_author_may_warn(compatibility: ModuleType) -> None:
    found = classified(compatibility, add(models.IntegerField(null=True)), breaking=True, compatible=True)
    assert (found.kind, found.reasons) == (BREAKING, [AUTHOR])


def test_without_a_previous_release_nothing_is_breaking(compatibility: ModuleType) -> None:
    assert classified(compatibility, remove_note, first=True).kind == COMPATIBLE


@pytest.mark.parametrize(
    ("operation", "text"),
    [
        (migrations.RunSQL("UPDATE campus_student SET name = 'Zoe'"), "RunSQL"),
        (migrations.RunPython(a_function), "RunPython a_function"),
        (migrations.RenameModel("Seat", "Place"), "RenameModel campus.Seat to Place"),
        (migrations.RenameField("student", "note", "remark"), "RenameField campus.Student.note to remark"),
        (migrations.DeleteModel("Seat"), "DeleteModel campus.Seat"),
        (
            migrations.AddIndex("student", Index(fields=["fee"], name="by_fee")),
            "AddIndex campus.Student.by_fee",
        ),
        (
            migrations.SeparateDatabaseAndState(database_operations=[remove_note]),
            "SeparateDatabaseAndState(RemoveField campus.Student.note)",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_description_of_an_operation_holds_no_data(compatibility: ModuleType, operation: Any, text: str) -> None:
    assert classified(compatibility, operation).operations == [text]
