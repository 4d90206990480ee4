"""The commands that run once: migrate, seed, collectstatic, verify."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator

import psycopg
import pytest
from moto.server import ThreadedMotoServer

from .harness import ADMIN, MASTER, SECRETS, Estate, Task

APPLIED = "migration applied"


def messages(task: Task) -> list[str]:
    return [record["message"] for record in task.records()]


def detail(task: Task) -> str:
    return str(task.records()[-1]["detail"])


@pytest.fixture
def admin(migrated: Estate) -> Iterator[psycopg.Connection]:
    """The server's superuser, in the application's database."""
    with migrated.postgres.connection("campshub360") as connection:
        yield connection


def test_all_missing_variables_are_named_at_once(estate: Estate) -> None:
    task = estate.run("migrate", DATABASE_HOST="", CACHE_AUTH_TOKEN="", PORT="http")
    assert task.finish() == 2
    for fault in (
        "DATABASE_HOST is missing",
        "CACHE_AUTH_TOKEN is missing",
        "DATABASE_ADMIN_USER is missing",
        "PORT must be a whole number",
    ):
        assert fault in detail(task)


def test_an_unknown_command_is_refused(estate: Estate) -> None:
    task = estate.run("migrat")
    assert task.finish() == 2
    assert "migrate" in task.records()[-1]["commands"]


def test_of_two_migrates_at_once_one_does_the_work(migrations: list[Task]) -> None:
    idle, busy = sorted(migrations, key=lambda task: messages(task).count(APPLIED))
    assert APPLIED not in messages(idle)
    assert "database user created" in messages(busy)
    assert "campus.0001_initial" in [record.get("migration") for record in busy.records()]


def test_the_tables_are_the_application_users(migrated: Estate) -> None:
    owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
    assert migrated.rows(owners) == [("campshub360",)]


def test_migrating_again_applies_nothing_and_gives_the_user_its_present_password(
    migrated: Estate, admin: psycopg.Connection
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


def test_a_wrong_master_password_ends_migrate_with_1(estate: Estate) -> None:
    task = estate.run("migrate", **{**ADMIN, "DATABASE_ADMIN_PASSWORD": "a-wrong-password"})
    assert task.finish() == 1
    assert "password authentication failed" in detail(task)
    assert "a-wrong-password" not in "".join(task.lines)


def test_the_master_user_is_not_the_applications(estate: Estate) -> None:
    task = estate.run("migrate", DATABASE_USER=MASTER.user, **ADMIN)
    assert task.finish() == 1
    assert "give the application one of its own" in detail(task)


def test_no_password_reaches_the_servers_log(migrated: Estate) -> None:
    log = migrated.postgres.log.read_text()
    assert "ROLE" in log  # statements are logged
    assert SECRETS["DATABASE_PASSWORD"].replace("'", "''") not in log
    assert SECRETS["DATABASE_PASSWORD"] not in log


def test_seeding_again_adds_nothing(migrated: Estate) -> None:
    again = migrated.run("seed", "--students", "60", "--days", "5")
    assert again.finish() == 0
    assert set(again.records()[-1]["created"].values()) == {0}
    assert migrated.rows("SELECT count(*) FROM campus_attendance") == [(60 * 5,)]


@pytest.fixture(scope="module")
def bucket(migrated: Estate) -> Iterator[dict[str, str]]:
    """The variables that lead to an S3 with a bucket for media, and one for static files that lets nobody delete."""
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


def test_static_files_get_a_manifest_for_each_release(migrated: Estate, bucket: dict[str, str]) -> None:
    assert migrated.run("collectstatic", **bucket).finish() == 0
    assert migrated.run("verify", **bucket).finish() == 0


def test_collecting_static_files_again_deletes_none(migrated: Estate, bucket: dict[str, str]) -> None:
    assert [migrated.run("collectstatic", **bucket).finish() for _ in range(2)] == [0, 0]


def test_verify_fails_when_media_can_not_be_kept(migrated: Estate, bucket: dict[str, str]) -> None:
    task = migrated.run("verify", **bucket, MEDIA_BUCKET="nowhere")
    assert task.finish() == 1
    assert "NoSuchBucket" in failures(task)["media_files"]


def test_verify_fails_on_an_unapplied_migration(
    migrated: Estate, bucket: dict[str, str], admin: psycopg.Connection
) -> None:
    admin.execute("UPDATE django_migrations SET name = 'another' WHERE app = 'campus'")
    task = migrated.run("verify", **bucket)
    assert task.finish() == 1
    admin.execute("UPDATE django_migrations SET name = '0001_initial' WHERE app = 'campus'")
    assert failures(task)["migrations"] == "not applied: campus.0001_initial"


def test_verify_tells_all_that_is_wrong(migrated: Estate, bucket: dict[str, str]) -> None:
    wrong = {"CACHE_AUTH_TOKEN": "wrong", "DATABASE_USER": "nobody", "APP_RELEASE": "2.0.0"}
    task = migrated.run("verify", **bucket, **wrong)
    assert task.finish() == 1
    failed = failures(task)
    assert failed.keys() == {"database", "migrations", "round_trip", "static_files", "counts"}
    assert failed["static_files"] == "no manifest manifests/2.0.0.json"


def failures(task: Task) -> dict[str, str]:
    """Name and first sentence of each check that failed."""
    checks = task.records()[-1]["checks"]
    told = {one["check"]: str(one["detail"]) for one in checks if not one["passed"]}
    return {name: text.removeprefix("RuntimeError: ").split(". ")[0] for name, text in told.items()}
