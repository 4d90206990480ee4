"""CloudWatch's statistics: the five simple ones, percentiles and percentile ranks. No side effects.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping

SIMPLE = frozenset({"SampleCount", "Sum", "Average", "Minimum", "Maximum"})
_NUMBER = r"\d+(?:\.\d{1,10})?"
_PERCENTILE = re.compile(rf"p({_NUMBER})")
_RANK = re.compile(rf"PR\(({_NUMBER})?:({_NUMBER})?\)")
#: that AWS knows and the sandbox does not: trimmed and winsorized ones
_OTHERS = re.compile(rf"IQM|(?:tm|tc|ts|wm){_NUMBER}|(?:TM|TC|TS|WM)\((?:{_NUMBER}%?)?:(?:{_NUMBER}%?)?\)")


def known(statistic: str) -> bool:
    """Return whether it is a statistic. Raises NotImplementedError for one that is not emulated."""
    if statistic in SIMPLE:
        return True
    if _OTHERS.fullmatch(statistic):
        raise NotImplementedError(f"the statistic {statistic}")
    if found := _PERCENTILE.fullmatch(statistic):
        return float(found[1]) <= 100
    return bool(_RANK.fullmatch(statistic)) and _bounds(statistic) is not None


def extended(statistic: str, samples: Mapping[float, int]) -> float | None:
    """Return a percentile's value, or a rank's percentage; None without a sample."""
    if found := _PERCENTILE.fullmatch(statistic):
        return percentile(samples, float(found[1]))
    bounds = _bounds(statistic)
    return None if bounds is None else rank(samples, *bounds)


def percentile(samples: Mapping[float, int], percent: float) -> float | None:
    """Return the value that so many percent of the samples do not exceed."""
    desired, seen = sum(samples.values()) * percent / 100, 0
    for value in sorted(samples):
        seen += samples[value]
        if seen >= desired:
            return value
    return None


def rank(samples: Mapping[float, int], low: float, high: float) -> float | None:
    """Return the percentage of samples in a range: above its lower bound, up to its upper bound."""
    total = sum(samples.values())
    return 100 * sum(count for value, count in samples.items() if low < value <= high) / total if total else None


def _bounds(statistic: str) -> tuple[float, float] | None:
    """Return the bounds of PR(0.05:), of which one may be missing; None if it is no range."""
    found = _RANK.fullmatch(statistic)
    if not found or not (found[1] or found[2]):
        return None
    low, high = float(found[1] or "-inf"), float(found[2] or "inf")
    return (low, high) if low < high else None
