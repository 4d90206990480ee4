"""Nothing listens where others could reach it, and no secret stands where others could read it."""

from __future__ import annotations

import ipaddress
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

from sandbox import lifecycle
from sandbox.config import CHECKOUT
from sandbox.runtime import processes
from tests.support.stack import Sandbox, revealed


@pytest.fixture(scope="module")
def family(root: Path) -> list[psutil.Process]:
    """Every process of the sandbox."""
    supervisor = lifecycle.running(root)
    assert supervisor
    leaders = [psutil.Process(pid) for pid in (supervisor, *(record.pid for record in processes.running(root)))]
    return [one for leader in leaders for one in (leader, *leader.children(recursive=True))]


T = TypeVar("T")


def asked(family: list[psutil.Process], ask: Callable[[psutil.Process], T]) -> Iterator[tuple[psutil.Process, T]]:
    """Yield each process with its answer; a server's workers may end meanwhile."""
    for one in family:
        with suppress(psutil.NoSuchProcess):
            yield one, ask(one)


def texts(*folders: Path, mode: int = 0o777) -> Iterator[tuple[Path, str]]:
    """What each file with one of these permissions holds; the other lane may take some away meanwhile."""
    for folder, _, names in (found for top in folders for found in os.walk(top)):
        for path in (Path(folder, name) for name in names):
            with suppress(FileNotFoundError):
                if stat.S_ISREG(status := path.lstat().st_mode) and stat.S_IMODE(status) & mode:
                    yield path, path.read_bytes().decode(errors="replace")


def test_everything_listens_on_loopback_only(family: list[psutil.Process]) -> None:
    listening = [
        (name, connection.laddr)
        for _, (name, connections) in asked(family, lambda one: (one.name(), one.net_connections("inet")))
        for connection in connections
        if connection.status in (psutil.CONN_LISTEN, psutil.CONN_NONE) and connection.laddr
    ]
    assert len(listening) > 5
    assert [where for where in listening if not ipaddress.ip_address(where[1].ip).is_loopback] == []


def test_the_search_for_secrets_finds_them(needles: dict[str, str]) -> None:
    assert revealed(f"a password: {next(iter(needles.values()))}.", needles)


def test_no_file_that_others_can_read_holds_a_secret(root: Path, needles: dict[str, str]) -> None:
    looked = 0
    for path, text in texts(root, CHECKOUT / "reports", CHECKOUT / ".ansible", mode=0o177):
        assert revealed(text, needles) == [], path
        looked += 1
    assert looked > 3


def test_keys_are_their_owner_s_alone(host: Any, root: Path) -> None:
    assert host.file(str(root)).mode == 0o700
    keys = [*root.rglob("*.key"), root / "env", root / "api.jsonl"]
    assert len(keys) > 2
    assert {str(key): oct(host.file(str(key)).mode) for key in keys if host.file(str(key)).mode & 0o177} == {}


def test_no_log_holds_a_secret(root: Path, needles: dict[str, str]) -> None:
    logs = {path: text for path, text in texts(root / "log", CHECKOUT / "reports") if path.suffix == ".log"}
    logs[root / "api.jsonl"] = (root / "api.jsonl").read_text()
    assert len(logs) > 3
    assert [path for path, text in logs.items() if revealed(text, needles)] == []


def test_no_task_logs_a_secret(sandbox: Sandbox, needles: dict[str, str]) -> None:
    logs = sandbox.client("logs")
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName="/ecs/campshub360-tier1")
    text = "\n".join(event["message"] for page in pages for event in page["events"])
    assert text
    assert revealed(text, needles) == []


def test_no_command_line_holds_a_secret(family: list[psutil.Process], needles: dict[str, str]) -> None:
    lines = [" ".join(line) for _, line in asked(family, psutil.Process.cmdline)]
    assert len(lines) > 5
    assert [line for line in lines if revealed(line, needles)] == []
