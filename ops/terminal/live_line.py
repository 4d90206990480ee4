"""One line at the end of a terminal that is overwritten while a task waits: for what, and since when."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

CLEAR = "\r\x1b[2K"
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]")
TICK_SECONDS = 1.0


@dataclass(frozen=True)
class Wait:
    """What a host waits for, and since when it has been in that stage (monotonic seconds)."""

    host: str
    message: str
    stage: str
    since: float


def stage_of(message: str) -> str:
    """Return the stage that a message names: the part before a colon, else the message without its figures."""
    before, colon, _ = message.partition(":")
    return before if colon else re.sub(r"\d+", "", message)


def elapsed(seconds: float) -> str:
    """Return a duration as minutes:seconds."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"


def cut(line: str, width: int) -> str:
    """Return a line that fits into one row: a wrapped one can't be overwritten."""
    line = UNPRINTABLE.sub(" ", line)
    return line if len(line) < width else f"{line[: max(width - 4, 0)]}..."


class LiveLine:
    """The line of all hosts that wait. keep: a function that prints a permanent line. paint: one that colours the line.

    It writes to the descriptor itself: Ansible forks while another thread updates the line, and a fork must not inherit
    a locked stream.
    """

    def __init__(self, descriptor: int, keep: Callable[[str], None], paint: Callable[[str], str] = str) -> None:
        self._descriptor, self._keep, self._paint = descriptor, keep, paint
        self._waits: dict[str, Wait] = {}
        self._lock = threading.RLock()
        self._hidden = 0
        self._ticking: threading.Event | None = None

    def wait(self, host: str, message: str, stage: str = "") -> None:
        """Show what a host waits for; its message before is printed permanently if that was another stage."""
        with self._lock:
            before = self._waits.pop(host, None)
            now = Wait(host, message, stage or stage_of(message), time.monotonic())
            if before and before.stage == now.stage:
                now = replace(now, since=before.since)
            elif before:
                self._stay(before)
            self._waits[host] = now  # the last one is shown
            self._draw()
            if self._ticking is None:
                self._ticking = threading.Event()
                threading.Thread(target=self._tick, args=(self._ticking,), daemon=True).start()

    def end(self, host: str | None = None) -> None:
        """End the wait of a host, or of all hosts."""
        with self._lock:
            for name in [host] if host else list(self._waits):
                if wait := self._waits.pop(name, None):
                    self._stay(wait)
            if not self._waits and self._ticking:
                self._ticking.set()
                self._ticking = None

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Remove the line while something else is printed."""
        with self._lock:
            if self._waits and not self._hidden:
                self._write(CLEAR)
            self._hidden += 1
            try:
                yield
            finally:
                self._hidden -= 1
                self._draw()

    def _stay(self, wait: Wait) -> None:
        self._write(CLEAR)
        self._keep(f"  waited: [{wait.host}] {wait.message} ({elapsed(time.monotonic() - wait.since)})")

    def _draw(self) -> None:
        if not self._waits or self._hidden:
            return
        wait = next(reversed(self._waits.values()))
        others = f" (and {len(self._waits) - 1} more)" if len(self._waits) > 1 else ""
        line = f"  {elapsed(time.monotonic() - wait.since)} [{wait.host}]{others} {wait.message}"
        self._write(CLEAR + self._paint(cut(line, self._width())))

    def _tick(self, over: threading.Event) -> None:
        while not over.wait(TICK_SECONDS):
            with self._lock:
                self._draw()

    def _width(self) -> int:
        try:
            return os.get_terminal_size(self._descriptor).columns or 80
        except OSError:
            return 80

    def _write(self, text: str) -> None:
        data = text.encode(errors="replace")
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except OSError:  # the terminal is gone; the playbook goes on
                return


def print_above(display: Any, live: LiveLine) -> None:
    """Have Ansible's display print above the live line from now on, warnings too.

    Not in its forks: they hand what they print to this process, and may have inherited the line's lock locked.
    """
    show, owner = display.display, os.getpid()

    def shown(*arguments: Any, **options: Any) -> Any:
        if os.getpid() != owner:
            return show(*arguments, **options)
        with live.hidden():
            return show(*arguments, **options)

    display.display = shown
