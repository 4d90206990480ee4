"""`sandbox status`: show what runs."""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

from sandbox.cli import running
from sandbox.config import Settings
from sandbox.runtime import processes
from sandbox.runtime.network import read_hosts


@dataclass(frozen=True, slots=True)
class Row:
    """A process, and the addresses on which its process group listens."""

    name: str
    pid: int
    since: float
    addresses: tuple[str, ...]


def run(_arguments: argparse.Namespace, settings: Settings) -> int:
    """Print the API, the processes and the endpoints."""
    pid = running.require(settings)
    listening = _listening()
    print(f"API        {settings.api_url}  up since {_since(psutil.Process(pid).create_time())}")
    print(f"folder     {settings.root}")
    print(f"clock      an AWS minute lasts {settings.minute:g} s")
    print(f"\n{'PROCESS':<44} {'PID':>7}  {'UP SINCE':<19}  LISTENS ON")
    rows = [Row("supervisor", pid, psutil.Process(pid).create_time(), listening.get(pid, ()))]
    for row in (*rows, *_children(settings, listening)):
        print(f"{row.name:<44} {row.pid:>7}  {_since(row.since)}  {', '.join(row.addresses)}")
    print(f"\n{'ENDPOINT':<72} ADDRESS")
    for name, address in sorted(read_hosts(settings.root / "hosts").items()):
        print(f"{name:<72} {address}")
    return 0


def _children(settings: Settings, listening: dict[int, tuple[str, ...]]) -> Iterator[Row]:
    for record in processes.running(settings.root):
        try:
            process = psutil.Process(record.pid)
            family = (process, *process.children(recursive=True))
            addresses = sorted({a for one in family for a in listening.get(one.pid, ())})
            yield Row(record.name, record.pid, process.create_time(), tuple(addresses))
        except psutil.NoSuchProcess:
            continue


def _listening() -> dict[int, tuple[str, ...]]:
    found: dict[int, tuple[str, ...]] = {}
    for one in psutil.net_connections("inet"):
        if one.status == psutil.CONN_LISTEN and one.pid:
            found[one.pid] = (*found.get(one.pid, ()), f"{one.laddr.ip}:{one.laddr.port}")
    return found


def _since(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds).isoformat(sep=" ", timespec="seconds")
