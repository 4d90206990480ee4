"""The lifecycle of a sandbox: its lock, its process id, and removal of what it left behind."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sandbox.runtime import proc, processes
from sandbox.runtime.postgres import memory as postgres_memory

POLL = 0.05
BEGIN_SECONDS = 180.0
LAYOUT = "1"  # of root, as far as it is kept: raise it when an older checkout's images would not do any more
KEPT = {"images", "layout", "supervisor.lock"}  # images are a cache by content


@dataclass(frozen=True, slots=True)
class Lock:
    """root/supervisor.lock, held while a supervisor lives; the kernel releases it when the process dies."""

    descriptor: int

    def release(self) -> None:
        os.close(self.descriptor)


def acquire(root: Path, timeout: float = 0) -> Lock | None:
    """Acquire the sandbox's lock; None if another process holds it for longer than `timeout` seconds."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    root.chmod(0o700)
    descriptor = os.open(root / "supervisor.lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + timeout
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                return None
            time.sleep(POLL)
        else:
            return Lock(descriptor)


def write_pid(root: Path) -> Path:
    """Write the supervisor's process id where `down` reads it."""
    path = root / "supervisor.pid"
    path.write_text(str(os.getpid()))
    path.chmod(0o600)
    return path


def running(root: Path) -> int | None:
    """Return the process id of the sandbox's supervisor; None if none lives."""
    deadline = time.monotonic() + BEGIN_SECONDS
    while (root / "supervisor.lock").exists():
        if lock := acquire(root):
            lock.release()
            return None
        with suppress(FileNotFoundError, ValueError):
            if supervises(pid := int((root / "supervisor.pid").read_text())):
                return pid
        if time.monotonic() > deadline:
            raise TimeoutError(f"another command holds {root / 'supervisor.lock'}; look with `fuser`, and end it")
        time.sleep(POLL)  # it has only just begun, and still clears up after the one before
    return None


def supervises(pid: int) -> bool:
    """Return whether the process is a supervisor: the id in the file may belong to another process by now."""
    with suppress(OSError):
        return b"sandbox.supervisor" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def foreign(root: Path) -> bool:
    """Return whether another version of the sandbox left images here, in a layout of its own."""
    layout = root / "layout"
    return (root / "images").exists() and not (layout.exists() and layout.read_text() == LAYOUT)


def write_layout(root: Path) -> None:
    path = root / "layout"
    path.write_text(LAYOUT)
    path.chmod(0o600)


def clear(root: Path) -> int:
    """End the processes and delete the files that a sandbox left; return the number of processes.

    The API's memory ends with the supervisor, so its data plane is of no use any more.
    """
    ended = processes.end_all(root)
    for file in (root / "databases").rglob("postmaster.pid"):
        postgres_memory.release(postgres_memory.recorded(file.parent))
    kept = KEPT - {"images"} if foreign(root) else KEPT
    for path in root.iterdir():
        if path.name in kept:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    return ended


def end(pid: int, seconds: float) -> bool:
    """Send SIGTERM to the supervisor, SIGKILL after `seconds`; return whether SIGTERM was enough."""
    for number, timeout in ((signal.SIGTERM, seconds), (signal.SIGKILL, 5.0)):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return True
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if proc.entry(pid) is None:
                return number == signal.SIGTERM
            time.sleep(POLL)
    raise TimeoutError(f"the supervisor (pid {pid}) outlives SIGKILL; look with `ps -o stat,wchan`")
