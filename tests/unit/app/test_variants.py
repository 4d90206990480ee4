"""The variants of the application go wrong where they say, and nowhere else."""

from __future__ import annotations

import compileall
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support import variants
from tests.support.variants import DEMAND, Patch, Variant
from tests.support.waiting import until

from .harness import ADMIN, APP, SECRETS, Client, Stack, Task, ready

TOKEN = {"Authorization": f"Bearer {SECRETS['HEARTBEAT_TOKEN']}"}
ALL: list[Callable[[], Variant]] = [
    variants.good,
    variants.crashes_at_start,
    variants.never_ready,
    variants.errors,
    lambda: variants.errors_later(5),
    variants.errors_on_demand,
    variants.slow,
    lambda: variants.ready_on_demand("it may start"),
    lambda: variants.slower(3),
    lambda: variants.slow_path("/"),
    lambda: variants.slow_later(5),
    variants.one_task_errs,
    variants.lazy,
    variants.cold,
    variants.smoke_fails,
    variants.first_page_fails,
    variants.failing_migration,
    variants.blocking_migration,
    variants.expand_migration,
    variants.contract_migration,
]


@pytest.mark.parametrize("make", ALL, ids=lambda make: make.__name__)
def test_a_variant_can_be_made_and_compiles(make: Callable[[], Variant], tmp_path: Path) -> None:
    folder = make().write(tmp_path / "app")
    assert compileall.compile_dir(folder, quiet=2)
    changed = [file for file in APP.rglob("*.py") if file.read_text() != (folder / file.relative_to(APP)).read_text()]
    assert {str(file.relative_to(APP)) for file in changed} <= {patch.path for patch in make().patches}


def test_a_patch_that_finds_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="out of date"):
        Variant((Patch("campus/views.py", "no such text", ""),)).write(tmp_path / "app")


def test_a_patch_that_finds_two_places_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="2 times"):
        Variant((Patch("campshub360/wsgi.py", "logs", ""),)).write(tmp_path / "app")


def statuses(client: Client, path: str = "/api/heartbeat?probe=x", **headers: str) -> set[int]:
    return {client("GET", path, **TOKEN, **headers).status for _ in range(20)}


def served(stack: Stack, variant: Variant) -> Task:
    task = stack.variant(variant).serve()
    until(lambda: ready(task.client))
    return task


def test_errors_are_for_people_alone(migrated: Stack) -> None:
    client = served(migrated, variants.errors(percent=50)).client
    assert statuses(client) == {200, 500}
    assert statuses(client, path="/healthz") == statuses(client, path="/readyz") == {200}
    assert statuses(client, User_Agent="campshub360-smoke-test") == {200}


def test_errors_on_demand_come_when_they_are_asked_for(migrated: Stack) -> None:
    client = served(migrated, variants.errors_on_demand(percent=50)).client
    assert statuses(client) == {200}
    assert client("POST", "/api/heartbeat", {"probe": DEMAND, "sequence": 1}, **TOKEN).status == 201
    assert statuses(client) == {200, 500}
    migrated.rows("DELETE FROM campus_heartbeat RETURNING 1")
    assert statuses(client) == {200}


def test_errors_come_later(migrated: Stack) -> None:
    good, bad = (served(migrated, variants.errors_later(seconds, percent=100)).client for seconds in (10**6, 1))
    assert good("GET", "/").status == 200
    until(lambda: bad("GET", "/").status == 500)
    assert ready(bad)


def test_one_path_can_be_slow_alone(migrated: Stack) -> None:
    """While a page takes its time, another path is answered."""
    client = served(migrated, variants.slow_path("/", 5000)).client
    with ThreadPoolExecutor() as pool:
        page = pool.submit(client, "GET", "/")
        client("GET", "/api/students")
        assert not page.done()
        page.result()
    assert seconds(client, "/") >= 5


def test_it_gets_slow_so_long_after_its_first_visitor(migrated: Stack) -> None:
    """Trials don't count, nor the warm-up, nor the platform's own requests."""
    client = served(migrated, variants.slow_later(2, 500)).client
    client("GET", "/", X_Test_Traffic="a-secret")
    began = time.monotonic()
    client("GET", "/")
    until(lambda: seconds(client, "/") >= 0.5)
    assert time.monotonic() - began >= 2


def test_all_takes_as_many_times_as_long(migrated: Stack) -> None:
    beat = {"probe": "slower", "sequence": 1, "hold_ms": 300}
    client = served(migrated, variants.slower(3)).client
    begun = time.monotonic()
    client("POST", "/api/heartbeat", beat, **TOKEN)
    assert time.monotonic() - begun >= 0.9


def test_of_several_tasks_one_errs(migrated: Stack) -> None:
    release = migrated.variant(variants.one_task_errs(percent=50))
    tasks = [release.serve(APP_RELEASE="1.9.0") for _ in range(3)]
    for task in tasks:
        until(lambda task=task: ready(task.client))  # type: ignore[misc]
    assert sorted(statuses(task.client) == {200, 500} for task in tasks) == [False, False, True]


def seconds(client: Client, path: str) -> float:
    begun = time.monotonic()
    client("GET", path)
    return time.monotonic() - begun


def test_a_slow_release_answers_health_checks_as_ever(migrated: Stack) -> None:
    """While a page takes its time, a check is answered."""
    task = served(migrated, variants.slow(5000))
    with ThreadPoolExecutor() as pool:
        page = pool.submit(task.client, "GET", "/")
        assert task.client("GET", "/readyz").status == 200
        assert not page.done()
        assert page.result().status == 200
    until(lambda: any(record.get("path") == "/" for record in task.records()))
    (told,) = (record for record in task.records() if record.get("path") == "/")
    assert told["ms"] >= 5000


def test_what_is_never_ready_serves_all_the_same(migrated: Stack) -> None:
    client = migrated.variant(variants.never_ready()).serve().client
    until(lambda: client("GET", "/readyz").json()["database"] == client("GET", "/readyz").json()["cache"] == "ok")
    assert not ready(client)
    assert client("GET", "/").status == 200


def test_what_crashes_can_still_be_migrated(migrated: Stack) -> None:
    release = migrated.variant(variants.crashes_at_start())
    assert release.run("serve").finish() != 0
    assert release.run("migrate", **ADMIN).finish() == 0


def test_smoke_tests_have_something_to_find(migrated: Stack) -> None:
    client = served(migrated, variants.smoke_fails().also(variants.first_page_fails())).client
    assert client("GET", "/").status == 500
    assert client("POST", "/api/heartbeat", {"probe": "smoke", "sequence": 1}, **TOKEN).status == 201
    assert client("GET", "/api/heartbeat?probe=smoke", **TOKEN).json()["count"] == 0


@pytest.mark.parametrize(
    ("make", "kind"), [(variants.expand_migration, "expand"), (variants.contract_migration, "contract")]
)
def test_the_previous_release_gets_along_as_the_plan_says(
    migrated: Stack, make: Callable[[], Variant], kind: str
) -> None:
    release, where = migrated.variant(make()), {"DATABASE_NAME": migrated.database(kind), **ADMIN}
    assert migrated.run("migrate", **where).finish() == 0
    plan = release.run("migrate", "--plan", **where)
    assert plan.finish() == 0
    (pending,) = plan.records()[-1]["pending"]
    assert (pending["kind"], bool(pending["reasons"])) == (kind, kind == "contract")
    assert release.run("migrate", **where).finish() == 0
    seed = ("seed", "--students", "5", "--days", "1")
    new, previous = release.run(*seed, **where), migrated.run(*seed, **where)
    assert (new.finish(), previous.finish()) == (0, int(kind == "contract"))


def test_a_migration_that_fails_ends_with_1(migrated: Stack) -> None:
    task = migrated.variant(variants.failing_migration()).run("migrate", **ADMIN)
    assert task.finish() == 1
    assert "no_such_column" in task.records()[-1]["detail"]
