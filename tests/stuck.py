"""A process that does not end by itself: it says where it stands, and is ended with all that it started."""

from __future__ import annotations

import signal
import subprocess
import time
from contextlib import suppress

import psutil

#: makes a Python say where each of its threads stands when it is ended by SIGABRT
TELLING = {"PYTHONFAULTHANDLER": "1"}
PATIENCE_SECONDS = 10.0


def output(process: subprocess.Popen[str], seconds: float) -> str:
    """All that it writes until it ends; what is not over after so many seconds is ended, and that is said."""
    try:
        return process.communicate(timeout=seconds)[0]
    except subprocess.TimeoutExpired:
        there = tree(process.pid)
    end(process.pid)
    said = ""
    with suppress(subprocess.TimeoutExpired):  # a process that is no descendant any more may hold the pipe
        said = process.communicate(timeout=PATIENCE_SECONDS)[0]
    return f"{said}\nIt did not end within {seconds:.0f} s, and was ended. There ran:\n{there}\n"


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
