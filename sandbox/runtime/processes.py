"""Run the sandbox's processes like containers: when one ends, everything in it ends.

A command is the process leader of its own session, with the environment that it is given and nothing else. Three
mechanisms keep it from outliving its purpose: when the process leader has ended, a watcher thread ends its process
group (and any process that left the group but carries its mark); the kernel ends the process leader with the
supervisor; `end_all` ends what a killed supervisor left behind.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from sandbox.runtime import proc

_log = logging.getLogger(__name__)
RETRY_SECONDS = 1.0

# PR_SET_PDEATHSIG fires when the *thread* that forked ends, so one lasting thread forks them all.
_launcher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="launcher")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command to run. `root`: the sandbox that it belongs to; `log`: a file to append to (mode 0600)."""

    root: Path
    name: str
    argv: Sequence[str | Path]
    env: Mapping[str, str] = field(default_factory=dict, repr=False)  # may carry secrets
    cwd: Path | None = None
    log: Path | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A process in the ledger. `started` (clock ticks since boot) distinguishes it from a later pid."""

    pid: int
    name: str
    started: int


class Process:
    """A running command, created by `start`."""

    def __init__(self, command: Command, mark: str, popen: subprocess.Popen[bytes], sink: _Sink) -> None:
        self.command = command
        self.pid = popen.pid
        self._popen = popen
        self._mark = f"SANDBOX_PROCESS={mark}"
        self._sink = sink
        self._handle = os.pidfd_open(popen.pid)
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._ledger = _ledger(command.root) / str(popen.pid)
        threading.Thread(target=self._watch, name=f"watch {command.name}", daemon=True).start()

    def __repr__(self) -> str:
        return f"<Process {self.command.name!r} pid={self.pid} code={self.poll()}>"

    def poll(self) -> int | None:
        """Return the exit code (-n: ended by signal n), or None while it runs.

        With the code, the whole group has ended and every line of output was delivered.
        """
        return self._popen.returncode if self._ended.is_set() else None

    def wait(self, seconds: float | None = None) -> int | None:
        """Return the exit code when there is one, or None after `seconds`."""
        self._ended.wait(seconds)
        return self.poll()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process leader; does nothing if it has ended."""
        with self._lock, contextlib.suppress(ProcessLookupError):
            if not self._ended.is_set():
                signal.pidfd_send_signal(self._handle, number)

    def stop(self, grace_seconds: float) -> int:
        """Send SIGTERM to the process leader; SIGKILL to its group when it has ended or grace is over."""
        self.signal(signal.SIGTERM)
        code = self.wait(grace_seconds)
        return self.kill() if code is None else code

    def kill(self) -> int:
        """Send SIGKILL to the process leader; its group follows. Returns the exit code."""
        self.signal(signal.SIGKILL)
        self._ended.wait()
        return int(self._popen.returncode)

    def _alone(self) -> bool:
        """Return whether no descendant is left. One may hang in the kernel, on a slow disk, for longer than usual."""
        try:
            proc.end_all(lambda: [one for one in proc.entries() if one.carries(self._mark)])
        except (OSError, TimeoutError):
            _log.exception("%s: what it started is still there", self.command.name)
            return False
        return True

    def _watch(self) -> None:
        # WNOWAIT leaves the zombie: its pid, the group's id, cannot be given to another meanwhile.
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        while not self._alone():
            time.sleep(RETRY_SECONDS)
        self._sink.close()
        with self._lock:
            self._popen.wait()
            os.close(self._handle)
            self._ledger.unlink(missing_ok=True)
            self._ended.set()


def start(command: Command, *, on_line: Callable[[str], None] | None = None) -> Process:
    """Start a command. `on_line` gets each line of its output (stdout and stderr, without newline).

    Raises FileNotFoundError, naming command and program, if there is no such program.
    """
    argv = [str(part) for part in command.argv]
    program = shutil.which(argv[0], path=command.env.get("PATH", os.defpath))
    if program is None:
        raise FileNotFoundError(f"{command.name}: no executable {argv[0]!r}; run `make install` or give its full path")
    if command.log:
        command.log.parent.mkdir(parents=True, exist_ok=True)
    log = os.open(command.log or os.devnull, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    mark = uuid.uuid4().hex
    root = str(command.root.resolve())
    environment = {**command.env, "SANDBOX_ROOT": root, "SANDBOX_PROCESS": mark}
    with os.fdopen(log, "ab", buffering=0) as output:
        popen = _launcher.submit(
            subprocess.Popen,
            ["setpriv", "--pdeathsig", "KILL", "--", program, *argv[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if on_line else output,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=command.cwd,
            start_new_session=True,
        ).result()
        try:
            _enter(command.root, popen.pid, command.name)
            return Process(command, mark, popen, _Sink(popen.stdout, on_line, os.dup(output.fileno())))
        except BaseException:  # a full disk, say: nobody would know of it, and it would go on
            with contextlib.suppress(ProcessLookupError):
                os.killpg(popen.pid, signal.SIGKILL)
            popen.wait()
            raise


def end_all(root: Path) -> int:
    """End every process of the sandbox at `root`, never the caller or its ancestors; return how many.

    Also what a killed supervisor left: processes with SANDBOX_ROOT=<root> in their environment, processes in the ledger
    (Valkey and PostgreSQL write their title over their environment), and the sessions and children of both.
    """
    mark = f"SANDBOX_ROOT={root.resolve()}"
    spared = proc.lineage()
    leaders = {(one.pid, one.started) for one in _records(root)}

    def belonging() -> list[proc.Entry]:
        present = list(proc.entries())
        own = {one.pid for one in present if (one.pid, one.started) in leaders}
        own |= {one.pid for one in present if one.carries(mark)}
        while more := {one.pid for one in present if {one.parent, one.session} & (own - spared)} - own:
            own |= more
        return [one for one in present if one.pid in own - spared]

    ended = proc.end_all(belonging)
    for pid, _ in leaders:
        (_ledger(root) / str(pid)).unlink(missing_ok=True)
    return ended


def running(root: Path) -> list[Record]:
    """Return the running processes that `start` started in the sandbox at `root`, by name."""
    live = {(one.pid, one.started) for one in proc.entries()}
    found = (one for one in _records(root) if (one.pid, one.started) in live)
    return sorted(found, key=lambda one: (one.name, one.pid))


class _Sink:
    """Copy a process's output, line by line, to its log and to a listener."""

    def __init__(self, source: IO[bytes] | None, on_line: Callable[[str], None] | None, log: int) -> None:
        self._reader: threading.Thread | None = None
        if source is None or on_line is None:
            os.close(log)
            return
        self._reader = threading.Thread(target=self._carry, args=(source, on_line, log), name="output", daemon=True)
        self._reader.start()

    @staticmethod
    def _carry(source: IO[bytes], on_line: Callable[[str], None], log: int) -> None:
        with source, os.fdopen(log, "ab", buffering=0) as copy:
            for line in source:
                copy.write(line)
                try:
                    on_line(line.decode(errors="replace").rstrip("\r\n"))
                except Exception:  # an unread pipe would stop the process, not the listener
                    _log.exception("a line of output was not taken")

    def close(self) -> None:
        """Wait for the last line; the writers have ended by now."""
        if self._reader:
            self._reader.join()


def _ledger(root: Path) -> Path:
    return root / "run" / "processes"


def _enter(root: Path, pid: int, name: str) -> None:
    found = proc.entry(pid)
    if found:  # it may have ended already
        folder = _ledger(root)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / str(pid)).write_text(f"{found.started} {name}")


def _records(root: Path) -> Iterator[Record]:
    for path in _ledger(root).glob("*"):
        with contextlib.suppress(FileNotFoundError, ValueError):
            started, _, name = path.read_text().partition(" ")
            yield Record(int(path.name), name, int(started))
