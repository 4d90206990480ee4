"""What the machine's list of processes showed while something ran."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psutil

from tests.support.stack import revealed

EVERY_SECONDS = 0.1


@dataclass(slots=True)
class Seen:
    """commands: how many command lines were looked at; leaks: names of secrets, by the command that showed them."""

    commands: int = 0
    leaks: dict[str, list[str]] = field(default_factory=dict)


@contextmanager
def command_lines(secrets: Mapping[str, str]) -> Iterator[Seen]:
    """Look for secrets in all command lines of the machine, as anybody on it can, as long as the context lasts."""
    seen, over = Seen(), threading.Event()

    def look() -> None:
        while not over.wait(EVERY_SECONDS):
            for process in psutil.process_iter():
                with suppress(psutil.Error):
                    line = " ".join(process.cmdline())
                    seen.commands += 1
                    if found := revealed(line, secrets):
                        seen.leaks[process.name()] = found

    thread = threading.Thread(target=look, name="watch", daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()
