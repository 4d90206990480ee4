"""One line at the end of a terminal that is written over and over: what is awaited, and since when."""

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
    """What a host waits for, and since when it waits in that stage."""

    host: str
    words: str
    stage: str
    since: float


def stage_of(words: str) -> str:
    """What stands before a colon, or all but the figures."""
    before, colon, _ = words.partition(":")
    return before if colon else re.sub(r"\d+", "", words)


def elapsed(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"


def cut(line: str, width: int) -> str:
    """In one row: a terminal that wraps would leave half of it behind."""
    line = UNPRINTABLE.sub(" ", line)
    return line if len(line) < width else f"{line[: max(width - 4, 0)]}..."


class LiveLine:
    """keep: prints a line that stays.

    Writes to the descriptor itself: Ansible forks while the clock of the line ticks, and a fork must not inherit a
    stream that somebody has locked.
    """

    def __init__(self, descriptor: int, keep: Callable[[str], None], paint: Callable[[str], str] = str) -> None:
        self._descriptor, self._keep, self._paint = descriptor, keep, paint
        self._waits: dict[str, Wait] = {}
        self._lock = threading.RLock()
        self._away = 0
        self._ticking: threading.Event | None = None

    def wait(self, host: str, words: str, stage: str = "") -> None:
        """A host says what it waits for now; what it said before stays to be read if that was another stage."""
        with self._lock:
            before = self._waits.pop(host, None)
            now = Wait(host, words, stage or stage_of(words), time.monotonic())
            if before and before.stage == now.stage:
                now = replace(now, since=before.since)
            elif before:
                self._stay(before)
            self._waits[host] = now  # last: it is the one to be shown
            self._draw()
            if self._ticking is None:
                self._ticking = threading.Event()
                threading.Thread(target=self._tick, args=(self._ticking,), daemon=True).start()

    def end(self, host: str | None = None) -> None:
        """A host waits no more, or none does."""
        with self._lock:
            for name in [host] if host else list(self._waits):
                if wait := self._waits.pop(name, None):
                    self._stay(wait)
            if not self._waits and self._ticking:
                self._ticking.set()
                self._ticking = None

    @contextmanager
    def away(self) -> Iterator[None]:
        """While something else is printed the line is not there."""
        with self._lock:
            if self._waits and not self._away:
                self._write(CLEAR)
            self._away += 1
            try:
                yield
            finally:
                self._away -= 1
                self._draw()

    def _stay(self, wait: Wait) -> None:
        self._write(CLEAR)
        self._keep(f"  waited: [{wait.host}] {wait.words} ({elapsed(time.monotonic() - wait.since)})")

    def _draw(self) -> None:
        if not self._waits or self._away:
            return
        wait = next(reversed(self._waits.values()))
        others = f" (and {len(self._waits) - 1} more)" if len(self._waits) > 1 else ""
        line = f"  {elapsed(time.monotonic() - wait.since)} [{wait.host}]{others} {wait.words}"
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
    """All that Ansible's display prints from now on, warnings too, stands above the live line.

    Not in its forks: they hand what they print to this process, and may have inherited the line's lock locked.
    """
    show, owner = display.display, os.getpid()

    def shown(*words: Any, **options: Any) -> Any:
        if os.getpid() != owner:
            return show(*words, **options)
        with live.away():
            return show(*words, **options)

    display.display = shown
