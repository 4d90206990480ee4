"""Ready means warm: the first user waits no longer than later ones."""

from __future__ import annotations

import importlib
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from types import ModuleType

import pytest

from ops.probe.client import Address
from ops.release.smoke_test import Check, SmokeTest
from tests.support import variants
from tests.support.spinning import spinning
from tests.support.variants import Variant
from tests.support.waiting import until

from .harness import ADMIN, APP, SECRETS, Stack, Task, TlsEndpoint, ready

HOST = "app.campshub360.example"
THREADS = 4


def test_when_a_task_is_ready_each_of_its_threads_has_its_connections(migrated: Stack) -> None:
    before = cache_connections(migrated)
    task = migrated.serve(APP_RELEASE="1.7.0", WEB_THREADS="7")
    until(lambda: ready(task.client))
    watching = 1  # the thread that looks at the dependencies has its own
    assert database_connections(migrated) == 7 + watching
    assert cache_connections(migrated) - before >= 7 + watching
    assert [record["threads"] for record in task.records() if record["message"] == "threads are warm"] == [7]


def database_connections(stack: Stack) -> int:
    ((count,),) = stack.rows("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'campshub360 1.7.0'")
    return int(count)


def cache_connections(stack: Stack) -> int:
    return len(stack.cache.client().client_list())


def test_a_task_whose_database_comes_later_is_warm_when_it_is_ready(migrated: Stack) -> None:
    """It serves meanwhile, and says of what it is short."""
    where = {"DATABASE_NAME": migrated.database("later")}
    task = migrated.serve(**where)
    until(lambda: task.client("GET", "/readyz").json()["cache"] == "ok")
    assert task.client("GET", "/readyz").json()["threads"] == "cold"
    assert not ready(task.client)
    assert migrated.run("migrate", **where, **ADMIN).finish() == 0
    until(lambda: ready(task.client))
    assert task.client("GET", "/readyz").json()["threads"] == "ok"


def test_what_the_first_request_of_a_thread_waits_for_nobody_notices(migrated: Stack) -> None:
    assert warm(migrated, variants.lazy()).passed


def test_an_image_that_is_ready_before_it_is_warm_is_found_out(migrated: Stack) -> None:
    found = warm(migrated, variants.cold())
    assert (found.passed, found.warning) == (False, True)
    assert "/readyz says ready before it is warm: its first requests take" in found.message


def test_a_busy_machine_makes_no_image_cold(migrated: Stack) -> None:
    with spinning(2):
        found = warm(migrated, variants.lazy())
    assert found.passed, found.message


def warm(stack: Stack, variant: Variant) -> Check:
    """Return the smoke test's check of warmth for a newly ready task of this variant."""
    task = stack.variant(variant).serve(WEB_THREADS=str(THREADS))
    until(lambda: ready(task.client))
    with in_front(stack, task) as address:
        checks = {check.check: check for check in SmokeTest(address, "1.0.0", {}, SECRETS["HEARTBEAT_TOKEN"]).checks()}
    print(checks["warm"].message)
    return checks["warm"]


@contextmanager
def in_front(stack: Stack, task: Task) -> Iterator[Address]:
    """Serve the task by TLS, and yield its public address."""
    listening = stack.network.address(f"front-of-{task.address}")
    endpoint = TlsEndpoint(listening, task.address, stack.authority.issue([HOST]), port=8000)
    try:
        yield Address(f"https://{HOST}", f"{listening}:8000", str(stack.authority.certificate))
    finally:
        endpoint.stop()


@pytest.fixture
def warmup(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(APP)
    yield importlib.import_module("campshub360.warmup")
    for name in [name for name in sys.modules if name.partition(".")[0] == "campshub360"]:
        del sys.modules[name]


def test_each_thread_of_a_pool_does_the_work_once_even_where_one_is_busy(warmup: ModuleType) -> None:
    there: list[int] = []
    with ThreadPoolExecutor(5) as pool:
        pool.submit(time.sleep, 0.3)
        warmup.in_each_thread(pool, 5, lambda: there.append(threading.get_ident()))
    assert len(there) == len(set(there)) == 5


def test_what_goes_wrong_in_one_thread_is_said(warmup: ModuleType) -> None:
    with ThreadPoolExecutor(3) as pool:
        calls = iter([None, ValueError("no connection"), None])

        def work() -> None:
            if error := next(calls):
                raise error

        with pytest.raises(ValueError, match="no connection"):
            warmup.in_each_thread(pool, 3, work)
        warmup.in_each_thread(pool, 3, lambda: None)


def test_a_thread_that_never_gets_free_is_not_waited_for_without_end(
    warmup: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warmup, "TOGETHER_SECONDS", 0.1)
    free = threading.Event()
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(2))
        stack.callback(free.set)
        pool.submit(free.wait)
        with pytest.raises(threading.BrokenBarrierError):
            warmup.in_each_thread(pool, 2, lambda: None)
