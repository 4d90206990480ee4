"""Fixtures: an estate for the whole run, and a task that serves from it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from http import HTTPStatus

import pytest

from sandbox.runtime.processes import sweep

from .harness import ADMIN, Client, Estate, Task, eventually, ready


@pytest.fixture(scope="session")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    root = tmp_path_factory.mktemp("estate")
    estate = Estate(root)
    estate.start()
    yield estate
    estate.stop()
    sweep(root)
    shutil.rmtree(root)


@pytest.fixture(scope="session")
def migration(estate: Estate) -> Task:
    """The first run of `migrate`."""
    task = estate.run("migrate", **ADMIN)
    assert task.finish() == 0
    return task


@pytest.fixture(scope="session")
def migrated(estate: Estate, migration: Task) -> Estate:
    """With a database user, all migrations applied, and a little data."""
    assert estate.run("seed", "--students", "60", "--days", "5").finish() == 0
    return estate


@pytest.fixture(scope="session")
def task(migrated: Estate) -> Task:
    """A task that is ready."""
    task = migrated.serve()
    eventually(lambda: ready(task.client))
    return task


@pytest.fixture
def client(migrated: Estate, task: Task) -> Client:
    """Somebody unknown, with nothing counted against them."""
    migrated.redis.client().flushall()
    return task.client


@pytest.fixture(scope="session")
def session(task: Task) -> Client:
    """Somebody logged in."""
    client = task.client
    assert client.login().status == HTTPStatus.OK
    return client


@pytest.fixture
def member(migrated: Estate, session: Client) -> Client:
    """Somebody logged in, with nothing counted against them."""
    migrated.redis.client().flushall()
    return session
