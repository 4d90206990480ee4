"""Fixtures: a stack for the tests of this folder, and a task that serves from it.

Not for the whole session: the other tests hand out the same addresses.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from http import HTTPStatus

import pytest

from sandbox.lifecycle import clear
from tests.support.waiting import until

from .harness import ADMIN, Client, Stack, Task, ready


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    root = tmp_path_factory.mktemp("stack")
    stack = Stack(root)
    stack.start()
    yield stack
    stack.stop()
    clear(root)
    shutil.rmtree(root)


@pytest.fixture(scope="package")
def migrations(stack: Stack) -> list[Task]:
    """Return the first two runs of `migrate`, started at the same time."""
    both = [stack.run("migrate", **ADMIN) for _ in range(2)]
    assert [task.finish() for task in both] == [0, 0], [task.text() for task in both]
    return both


@pytest.fixture(scope="package")
def migrated(stack: Stack, migrations: list[Task]) -> Stack:
    """Return the stack with a database user, all migrations applied, and a little data."""
    assert stack.run("seed", "--students", "60", "--days", "5").finish() == 0
    return stack


@pytest.fixture(scope="package")
def task(migrated: Stack) -> Task:
    """Return a task that is ready."""
    task = migrated.serve()
    until(lambda: ready(task.client))
    return task


@pytest.fixture
def client(migrated: Stack, task: Task) -> Client:
    """Return a client without a session, with no request counted."""
    migrated.cache.client().flushall()
    return task.client


@pytest.fixture(scope="package")
def session(task: Task) -> Client:
    """Return a client with a session."""
    client = task.client
    assert client.login().status == HTTPStatus.OK
    return client


@pytest.fixture
def member(migrated: Stack, session: Client) -> Client:
    """Return a client with a session, with no request counted."""
    migrated.cache.client().flushall()
    return session


@pytest.fixture(autouse=True)
def own_tasks(request: pytest.FixtureRequest) -> Iterator[None]:
    """Stop the tasks that a test started: each of their threads keeps one of the database's hundred connections."""
    stack: Stack | None = request.getfixturevalue("stack") if "stack" in request.fixturenames else None
    before = len(stack.tasks) if stack else 0  # those of wider fixtures are among them: they are set up first
    yield
    for task in stack.tasks[before:] if stack else ():
        task.process.kill()
