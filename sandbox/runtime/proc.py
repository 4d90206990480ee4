"""Running processes as /proc shows them, and how to end a set of them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Entry:
    """A live process. `started` (clock ticks since boot) distinguishes it from a later process with its pid."""

    pid: int
    parent: int
    session: int
    started: int

    def carries(self, variable: str) -> bool:
        """Return whether the process was started with the environment entry `NAME=value`."""
        try:
            environment = (_PROC / str(self.pid) / "environ").read_bytes()
        except OSError:  # gone meanwhile, or somebody else's
            return False
        return os.fsencode(variable) in environment.split(b"\0")

    def stands_in(self, folder: Path) -> bool:
        """Return whether its working directory is that folder, deleted since or not."""
        try:
            current = str((_PROC / str(self.pid) / "cwd").readlink())
        except OSError:  # gone meanwhile, or somebody else's
            return False
        return current.removesuffix(" (deleted)") == str(folder.resolve())


def entry(pid: int) -> Entry | None:
    """Return the process of that id; None if there is none, or only its exit code is left (a zombie)."""
    try:
        stat = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    fields = stat.rpartition(b")")[2].split()  # the name before may itself hold blanks and brackets
    if fields[0] in (b"Z", b"X"):
        return None
    return Entry(pid, parent=int(fields[1]), session=int(fields[3]), started=int(fields[19]))


def entries() -> Iterator[Entry]:
    """Yield all live processes."""
    for folder in _PROC.iterdir():
        if folder.name.isdigit() and (found := entry(int(folder.name))):
            yield found


def lineage() -> frozenset[int]:
    """Return the caller's own id and those of its ancestors."""
    pids: set[int] = set()
    current = entry(os.getpid())
    while current and current.pid not in pids:
        pids.add(current.pid)
        current = entry(current.parent)
    return frozenset(pids)


def end_all(select: Callable[[], list[Entry]], seconds: float = 10.0) -> int:
    """SIGKILL the processes that `select` returns, again until it returns none: one may fork meanwhile.

    Returns the number of ended processes. Raises TimeoutError if some outlive `seconds`.
    """
    ended: set[int] = set()
    deadline = time.monotonic() + seconds
    while victims := select():
        if time.monotonic() > deadline:
            pids = ", ".join(str(victim.pid) for victim in victims)
            raise TimeoutError(f"processes {pids} survive SIGKILL; look with `ps -o pid,stat,wchan`")
        for victim in victims:
            try:
                os.kill(victim.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            ended.add(victim.pid)
        time.sleep(0.005)
    return len(ended)
