"""A process that does not end by itself: it says where it stands, and is ended with all that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

#: makes a Python say where each of its threads stands when it is ended by SIGABRT
TELLING = {"PYTHONFAULTHANDLER": "1"}
PATIENCE_SECONDS = 10.0
#: names the file whose age tells `make test` for how long nothing went on
ALIVE = "TESTS_ALIVE"
#: A play that works says something each minute, however long it takes; the rest is for a machine that is busy.
SILENT_SECONDS = 900.0


def alive() -> None:
    """Tell `make test` that something goes on: a test has ended, a play has said something."""
    if path := os.environ.get(ALIVE):
        Path(path).touch()


class Talking(subprocess.Popen[str]):
    """A process whose output is read as it comes: it waits for no reader, and its silence is noticed."""

    def __init__(self, command: Sequence[str], **options: Any) -> None:
        super().__init__(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            **options,
        )
        self._said: list[str] = []
        self._heard = time.monotonic()
        self._reader = threading.Thread(target=self._listen, name=f"output of {self.pid}", daemon=True)
        self._reader.start()

    def _listen(self) -> None:
        assert self.stdout
        for line in self.stdout:
            self._said.append(line)
            self._heard = time.monotonic()
            alive()

    @property
    def said(self) -> str:
        """All that it has written so far."""
        return "".join(self._said)

    def output(self, silent: float = SILENT_SECONDS) -> str:
        """Return all that it writes until it ends; what says nothing for so many seconds is ended, and that is said."""
        hangs = ""
        while self.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                self.wait(1)
            if self.poll() is None and time.monotonic() - self._heard > silent:
                hangs = f"\nIt said nothing for {silent:.0f} s, and was ended. There ran:\n{tree(self.pid)}\n"
                end(self.pid)
                self.wait()
        self._reader.join(PATIENCE_SECONDS)  # a process that is no descendant any more may hold the pipe
        return self.said + hangs


def end(pid: int) -> None:
    """End a process and its descendants by SIGABRT, the eldest first, and those that go on by SIGKILL.

    A Python that was started with TELLING writes its stacks to its standard error.
    """
    try:
        eldest = psutil.Process(pid)
        family = [eldest, *eldest.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    end_all(family, signal.SIGABRT)


def end_all(family: list[psutil.Process], first: signal.Signals = signal.SIGTERM) -> None:
    """End these processes: gently, and those that go on by SIGKILL."""
    for number in (first, signal.SIGKILL):
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        _, family = psutil.wait_procs(family, PATIENCE_SECONDS)


def tree(pid: int) -> str:
    """What runs below a process, as `lines` shows it."""
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        return lines([root, *root.children(recursive=True)])
    return ""


def lines(processes: list[psutil.Process]) -> str:
    """A line each: its age in seconds, its pid and its command, cut at 150 characters."""
    shown = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            age = time.time() - process.create_time()
            shown.append(f"{age:7.0f} s  {process.pid:>7}  {' '.join(process.cmdline())[:150]}")
    return "\n".join(shown)


def carrying(variable: str) -> list[psutil.Process]:
    """Processes that were started with this entry, NAME=value, in their environment."""
    name, _, value = variable.partition("=")
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get(name) == value:
                found.append(process)
    return found
