"""Read values that may be missing or hostile, and write them for people."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Any

UNKNOWN = "unknown"
# Characters that neither XML nor a terminal may get.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
MOST_CHARACTERS = 2000


def clean(value: str) -> str:
    """Return the text with control characters replaced."""
    return CONTROL.sub("\N{REPLACEMENT CHARACTER}", value)


def text(value: Any, otherwise: str = "") -> str:
    """Return the value as clean text of at most 2,000 characters; `otherwise` for None and for empty text."""
    if value is None or value == "":
        return otherwise
    return clean(str(value))[:MOST_CHARACTERS]


def text_or_none(value: Any) -> str | None:
    return None if value is None else text(value)


def number(value: Any) -> float:
    """Return a finite number; raise ValueError for anything else, also for what float() and json take."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return float(value)


def number_or_none(value: Any) -> float | None:
    return None if value is None else number(value)


def whole(value: Any) -> int:
    """Return a count as a whole number; 0 for what is no number."""
    try:
        return int(number(value))
    except ValueError:
        return 0


def moment(value: Any) -> float | None:
    """Return epoch seconds of a number, of 2026-11-25T11:30:00Z or of 20261125T113000Z; None for anything else."""
    if value is None or isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        pass
    try:
        parsed = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def iso(seconds: float | None) -> str | None:
    """Return epoch seconds as 2026-11-25T11:30:00Z."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def utc(seconds: float | None) -> str:
    """Return epoch seconds as a person reads them: 2026-11-25 11:30:00 UTC."""
    return UNKNOWN if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def duration(seconds: float) -> str:
    """Return seconds as `3 min 12 s`."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, left = divmod(minutes, 60)
    if hours:
        return f"{hours} h {left} min" if left else f"{hours} h"
    if minutes:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{rest} s"


def clock(seconds: float) -> str:
    """Return seconds since the start as minutes and seconds: `1:05`, or `1:02:05` from an hour on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def milliseconds(value: Any) -> str:
    return f"{value:,.0f} ms" if isinstance(value, int | float) else "-"
