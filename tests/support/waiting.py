"""How tests wait: for what happens, whatever time that takes; and what hangs fails, with what was there instead.

No test says in how many seconds something has to be there: a busy machine takes ten times as long as an idle one. The
one limit is for what never comes. What passes again before a test may have looked is no thing to wait for: wait for
what it leaves behind, or hold it there until the test lets go.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: What has not come by then never does. Nobody asserts it, and nothing is planned to last as long.
HANGS_SECONDS = 600.0
POLL_SECONDS = 0.02
#: TESTS_LAG_SECONDS=3 makes tests look late and seldom, as on a machine that stands still: what passes is missed then.
LAG_SECONDS = float(os.environ.get("TESTS_LAG_SECONDS", "0"))
#: for boto3's waiters
WAITER_CONFIG = {"Delay": 0.1, "MaxAttempts": int(HANGS_SECONDS / 0.1)}


def until(
    look: Callable[[], T | None],
    told: str | Callable[[], object] = "it never was",
    every: float = POLL_SECONDS,
    longest: float = HANGS_SECONDS,
) -> T:
    """Return what `look` gives as soon as it is true.

    told: what to say when it never was, or what gives that; the last that `look` gave is said anyway. longest: for what
    is planned to last.
    """
    deadline = time.monotonic() + longest
    time.sleep(LAG_SECONDS)
    while not (found := look()):
        if time.monotonic() > deadline:
            words = told() if callable(told) else told
            raise AssertionError(f"waited for {longest:.0f} s: {words} (last seen: {found!r})")
        time.sleep(max(every, LAG_SECONDS))
    return found


def read_until(descriptor: int, enough: Callable[[bytes], bool]) -> bytes:
    """Read until that is true of all that was read, or nobody writes any more; return it.

    Whoever else writes meanwhile may add to it before and after what is awaited: `enough` has to find it anywhere.
    """
    deadline, read = time.monotonic() + HANGS_SECONDS, b""
    while not enough(read):
        if not select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise AssertionError(f"waited for {HANGS_SECONDS:.0f} s; it wrote {read.decode(errors='replace')!r}")
        try:
            part = os.read(descriptor, 65536)
        except OSError:  # how a pty says that nobody writes any more
            part = b""
        if not part:
            break
        read += part
    return read
