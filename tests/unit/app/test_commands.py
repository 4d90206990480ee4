"""The commands that run once: migrate, seed, collectstatic, verify."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from moto.server import ThreadedMotoServer

from tests.support.variants import blocking_migration
from tests.support.waiting import until

from .harness import ADMIN, MASTER, SECRETS, Stack, Task

APPLIED = "migration applied"
NEWEST = "campus.0001_initial"


def messages(task: Task) -> list[str]:
    return [record["message"] for record in task.records()]


def detail(task: Task) -> str:
    return str(task.records()[-1]["detail"])


@pytest.fixture
def admin(migrated: Stack) -> Iterator[psycopg.Connection]:
    """Return a connection of the server's superuser to the application's database."""
    with migrated.postgres.connection("campshub360") as connection:
        yield connection


def test_all_missing_variables_are_named_at_once(stack: Stack) -> None:
    task = stack.run("migrate", DATABASE_HOST="", CACHE_AUTH_TOKEN="", PORT="http")
    assert task.finish() == 2
    for fault in (
        "DATABASE_HOST is missing",
        "CACHE_AUTH_TOKEN is missing",
        "DATABASE_ADMIN_USER is missing",
        "PORT must be a whole number",
    ):
        assert fault in detail(task)


def test_an_unknown_command_is_refused(stack: Stack) -> None:
    task = stack.run("migrat")
    assert task.finish() == 2
    assert "migrate" in task.records()[-1]["commands"]


def test_of_two_migrates_at_once_one_does_the_work(migrations: list[Task]) -> None:
    idle, busy = sorted(migrations, key=lambda task: messages(task).count(APPLIED))
    assert APPLIED not in messages(idle)
    assert "database user created" in messages(busy)
    assert "campus.0001_initial" in [record.get("migration") for record in busy.records()]


def test_the_tables_are_the_application_users(migrated: Stack) -> None:
    owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
    assert migrated.rows(owners) == [("campshub360",)]


def test_migrating_again_applies_nothing_and_gives_the_user_its_present_password(
    migrated: Stack, admin: psycopg.Connection
) -> None:
    admin.execute("ALTER ROLE campshub360 PASSWORD 'of-yesterday'")
    task = migrated.run("migrate", **ADMIN)
    assert task.finish() == 0
    assert APPLIED not in messages(task)
    psycopg.connect(
        host=migrated.postgres.address,
        dbname="campshub360",
        user="campshub360",
        password=SECRETS["DATABASE_PASSWORD"],
    ).close()


def test_a_wrong_master_password_ends_migrate_with_1(stack: Stack) -> None:
    task = stack.run("migrate", **{**ADMIN, "DATABASE_ADMIN_PASSWORD": "a-wrong-password"})
    assert task.finish() == 1
    assert "password authentication failed" in detail(task)
    assert "a-wrong-password" not in "".join(task.lines)


def test_the_master_user_is_not_the_applications(stack: Stack) -> None:
    task = stack.run("migrate", DATABASE_USER=MASTER.user, **ADMIN)
    assert task.finish() == 1
    assert "give the application one of its own" in detail(task)


def test_no_password_reaches_the_servers_log(migrated: Stack) -> None:
    log = migrated.postgres.log.read_text()
    assert "ROLE" in log  # statements are logged
    assert SECRETS["DATABASE_PASSWORD"].replace("'", "''") not in log
    assert SECRETS["DATABASE_PASSWORD"] not in log


def test_seeding_again_adds_nothing(migrated: Stack) -> None:
    again = migrated.run("seed", "--students", "60", "--days", "5")
    assert again.finish() == 0
    assert set(again.records()[-1]["created"].values()) == {0}
    assert migrated.rows("SELECT count(*) FROM campus_attendance") == [(60 * 5,)]


def plan(stack: Stack, **changes: str) -> dict[str, Any]:
    """Return the line of a plan that succeeded."""
    task = stack.run("migrate", "--plan", **ADMIN, **changes)
    assert task.finish() == 0, task.text()
    (line,) = task.records()
    assert line["message"] == "migration plan"
    return line


def test_migrate_tells_the_schema_before_and_after(migrated: Stack) -> None:
    where = {"DATABASE_NAME": migrated.database("told")}
    for before in (None, NEWEST):
        task = migrated.run("migrate", **where, **ADMIN)
        assert task.finish() == 0
        last = task.records()[-1]
        assert (last["message"], last["before"], last["after"]) == ("database is up to date", before, NEWEST)


def test_the_plan_for_an_empty_database_is_all_of_it_and_changes_nothing(migrated: Stack) -> None:
    name = migrated.database("planned")
    told = plan(migrated, DATABASE_NAME=name, DATABASE_USER="not-created-yet")
    assert (told["before"], told["after"], told["unknown"]) == (None, NEWEST, [])
    assert {one["kind"] for one in told["pending"]} == {"compatible"}
    first = next(one for one in told["pending"] if one["migration"] == NEWEST)
    assert "CreateModel campus.Student" in first["operations"]
    assert migrated.rows("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", name) == [(0,)]
    assert migrated.rows("SELECT count(*) FROM pg_roles WHERE rolname = 'not-created-yet'") == [(0,)]


def test_the_plan_for_a_database_that_is_up_to_date_is_empty(migrated: Stack) -> None:
    told = plan(migrated)
    assert (told["before"], told["after"], told["pending"], told["unknown"]) == (NEWEST, NEWEST, [], [])


def test_a_plan_is_made_when_the_password_has_been_rotated(migrated: Stack) -> None:
    assert plan(migrated, DATABASE_PASSWORD="of-tomorrow")["before"] == NEWEST


def test_the_plan_tells_what_the_image_does_not_know(migrated: Stack, admin: psycopg.Connection) -> None:
    admin.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('campus', '0007_later', now())")
    try:
        told = plan(migrated)
    finally:
        admin.execute("DELETE FROM django_migrations WHERE name = '0007_later'")
    assert (told["before"], told["after"], told["unknown"]) == ("campus.0007_later", NEWEST, ["campus.0007_later"])


def test_a_plan_does_not_wait_for_a_migrate(migrated: Stack, admin: psycopg.Connection) -> None:
    admin.execute("SELECT pg_advisory_lock(360360)")
    waiting = migrated.run("migrate", **ADMIN)
    until(lambda: migrated.rows("SELECT count(*) FROM pg_locks WHERE NOT granted") == [(1,)])
    assert plan(migrated)["pending"] == []
    assert waiting.process.poll() is None  # the lock does hold others
    admin.execute("SELECT pg_advisory_unlock(360360)")
    assert waiting.finish() == 0


def test_no_plan_without_a_database(migrated: Stack) -> None:
    task = migrated.run("migrate", "--plan", **ADMIN, DATABASE_PORT="5431")
    assert task.finish() == 1
    assert "refused" in detail(task)


def test_migrate_refuses_words_that_it_does_not_know(migrated: Stack) -> None:
    assert migrated.run("migrate", "--pln", **ADMIN).finish() == 2


def test_a_migration_that_finds_its_table_locked_gives_up_and_leaves_nothing(migrated: Stack) -> None:
    release, name = migrated.variant(blocking_migration()), migrated.database("locked")
    assert migrated.run("migrate", **ADMIN, DATABASE_NAME=name).finish() == 0
    with migrated.postgres.connection(name) as holder:
        holder.autocommit = False
        holder.execute("LOCK TABLE campus_student IN ACCESS SHARE MODE")  # as a report that reads for long
        task = release.run("migrate", **ADMIN, DATABASE_NAME=name)
        assert task.finish() == 1
    last = task.records()[-1]
    assert last["message"] == "migrate failed"
    assert "campus.0002_blocking gave up after 5s" in last["detail"]
    assert "nothing of it was applied" in last["detail"]
    columns = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'campus_course' AND column_name = 'x'"
    assert migrated.rows(columns, name) == [(0,)]  # its first operation succeeded
    assert plan(release, DATABASE_NAME=name)["before"] == NEWEST
    assert release.run("migrate", **ADMIN, DATABASE_NAME=name).finish() == 0
    assert migrated.rows(columns, name) == [(1,)]


@pytest.fixture(scope="module")
def bucket(migrated: Stack) -> Iterator[dict[str, str]]:
    """Return the variables for an S3 with buckets for media and static files; nobody may delete in the latter."""
    address = migrated.network.address("s3")
    server = ThreadedMotoServer(address, 5000, verbose=False)
    server.start()
    variables = {
        "AWS_ENDPOINT_URL": f"http://{address}:5000",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }
    nobody = {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::static/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [nobody]}).encode()
    for path, body in (("media", b""), ("static", b""), ("static?policy", policy)):
        url = f"{variables['AWS_ENDPOINT_URL']}/{path}"
        urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": "text/plain"}, method="PUT")).close()
    yield variables
    server.stop()


def test_static_files_get_a_manifest_for_each_release(migrated: Stack, bucket: dict[str, str]) -> None:
    assert migrated.run("collectstatic", **bucket).finish() == 0
    assert migrated.run("verify", **bucket).finish() == 0


def test_collecting_static_files_again_deletes_none(migrated: Stack, bucket: dict[str, str]) -> None:
    assert [migrated.run("collectstatic", **bucket).finish() for _ in range(2)] == [0, 0]


def test_verify_fails_when_media_can_not_be_kept(migrated: Stack, bucket: dict[str, str]) -> None:
    task = migrated.run("verify", **bucket, MEDIA_BUCKET="nowhere")
    assert task.finish() == 1
    assert "NoSuchBucket" in failures(task)["media_files"]


def test_verify_fails_on_an_unapplied_migration(
    migrated: Stack, bucket: dict[str, str], admin: psycopg.Connection
) -> None:
    admin.execute("UPDATE django_migrations SET name = 'another' WHERE app = 'campus'")
    task = migrated.run("verify", **bucket)
    assert task.finish() == 1
    admin.execute("UPDATE django_migrations SET name = '0001_initial' WHERE app = 'campus'")
    assert failures(task)["migrations"] == "not applied: campus.0001_initial"


def test_verify_tells_all_that_is_wrong(migrated: Stack, bucket: dict[str, str]) -> None:
    wrong = {"CACHE_AUTH_TOKEN": "wrong", "DATABASE_USER": "nobody", "APP_RELEASE": "2.0.0"}
    task = migrated.run("verify", **bucket, **wrong)
    assert task.finish() == 1
    failed = failures(task)
    assert failed.keys() == {"database", "migrations", "round_trip", "static_files", "counts"}
    assert failed["static_files"] == "no manifest manifests/2.0.0.json"


def failures(task: Task) -> dict[str, str]:
    """Return name and first sentence of each check that failed."""
    checks = task.records()[-1]["checks"]
    told = {one["check"]: str(one["detail"]) for one in checks if not one["passed"]}
    return {name: text.removeprefix("RuntimeError: ").split(". ")[0] for name, text in told.items()}
