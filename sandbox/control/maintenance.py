"""Weekly maintenance windows, in which RDS and ElastiCache apply pending changes."""

from __future__ import annotations

import datetime as dt

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEK = 7 * 24 * 60


def within(window: str, now: dt.datetime) -> bool:
    """Return whether `now` (UTC) is in the window, given as sun:23:30-mon:00:30."""
    begin, end = map(_minute, window.lower().split("-"))
    current = now.weekday() * 24 * 60 + now.hour * 60 + now.minute
    return (current - begin) % _WEEK < (end - begin) % _WEEK


def _minute(moment: str) -> int:
    day, hour, minute = moment.split(":")
    return _DAYS.index(day) * 24 * 60 + int(hour) * 60 + int(minute)
