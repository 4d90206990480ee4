"""Fixtures: an estate for the tests of this folder, and a task that serves from it.

Not for the whole session: the other tests hand out the same addresses.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from http import HTTPStatus

import pytest

from sandbox.lifecycle import clear
from tests.support.waiting import until

from .harness import ADMIN, Client, Estate, Task, ready


@pytest.fixture(scope="package")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    root = tmp_path_factory.mktemp("estate")
    estate = Estate(root)
    estate.start()
    yield estate
    estate.stop()
    clear(root)
    shutil.rmtree(root)


@pytest.fixture(scope="package")
def migrations(estate: Estate) -> list[Task]:
    """The first two runs of `migrate`, at once."""
    both = [estate.run("migrate", **ADMIN) for _ in range(2)]
    assert [task.finish() for task in both] == [0, 0], [task.text() for task in both]
    return both


@pytest.fixture(scope="package")
def migrated(estate: Estate, migrations: list[Task]) -> Estate:
    """With a database user, all migrations applied, and a little data."""
    assert estate.run("seed", "--students", "60", "--days", "5").finish() == 0
    return estate


@pytest.fixture(scope="package")
def task(migrated: Estate) -> Task:
    """A task that is ready."""
    task = migrated.serve()
    until(lambda: ready(task.client))
    return task


@pytest.fixture
def client(migrated: Estate, task: Task) -> Client:
    """Somebody unknown, with nothing counted against them."""
    migrated.cache.client().flushall()
    return task.client


@pytest.fixture(scope="package")
def session(task: Task) -> Client:
    """Somebody logged in."""
    client = task.client
    assert client.login().status == HTTPStatus.OK
    return client


@pytest.fixture
def member(migrated: Estate, session: Client) -> Client:
    """Somebody logged in, with nothing counted against them."""
    migrated.cache.client().flushall()
    return session


@pytest.fixture(autouse=True)
def own_tasks(request: pytest.FixtureRequest) -> Iterator[None]:
    """End the tasks that a test started: each thread of one keeps a connection, and the database has a hundred."""
    estate: Estate | None = request.getfixturevalue("estate") if "estate" in request.fixturenames else None
    before = len(estate.tasks) if estate else 0  # those of wider fixtures are among them: they are set up first
    yield
    for task in estate.tasks[before:] if estate else ():
        task.process.kill()
