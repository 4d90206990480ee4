"""Evaluate alarms. No side effects.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html#alarm-evaluation
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

AlarmState = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
Missing = Literal["missing", "ignore", "breaching", "notBreaching"]

#: how many periods more than asked for are looked at, in case that some are missing
SPARE = 2
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


@dataclass(frozen=True, slots=True)
class Criteria:
    """The condition of an alarm: at least `datapoints` of `periods` breach the threshold."""

    comparison: str
    threshold: float
    periods: int
    datapoints: int
    missing: Missing = "missing"

    @property
    def window(self) -> int:
        """Return how many periods `alarm_state` needs."""
        return self.periods + SPARE


def alarm_state(criteria: Criteria, values: Sequence[float | None], before: AlarmState) -> AlarmState:
    """Return the alarm's state after the latest values, oldest first; None is a missing value."""
    compare = _COMPARISONS[criteria.comparison]
    known = [compare(value, criteria.threshold) for value in values if value is not None][-criteria.periods :]
    lacking = criteria.periods - len(known)
    breaching = sum(known)
    if breaching >= criteria.datapoints:
        return "ALARM"
    if len(known) - breaching > criteria.periods - criteria.datapoints:
        return "OK"  # whatever the missing ones would have been
    match criteria.missing:
        case "breaching":
            return "ALARM" if breaching + lacking >= criteria.datapoints else "OK"
        case "notBreaching":
            return "OK"
        case "ignore":
            return before
        case "missing":
            if not known:
                return "INSUFFICIENT_DATA"
            return "ALARM" if breaching and breaching == len(known) else "OK"
