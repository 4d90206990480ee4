"""The check whether the availability probe measured the whole of a run (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

# At the lowest rate there are ten seconds between two requests, and a busy machine sends some late.
SILENT_SECONDS = 30.0


def longest_silence(sent: Sequence[float], until: float) -> float:
    """Return the longest time without a request, in seconds, from the first request until `until`."""
    moments = [*sorted(sent), until]
    return max((later - earlier for earlier, later in pairwise(moments)), default=0.0)


def not_measured(sent: Sequence[float], until: float, ended_early: bool, patience: float = 0.0) -> str:
    """Return why a run was not measured from its first request until `until`; empty if it was.

    sent: when requests were sent, in epoch seconds. patience: seconds that a request may be under way, not yet logged.
    """
    if not sent:
        return "the availability probe sent no request"
    if ended_early:
        return f"the availability probe ended by itself {max(sent) - min(sent):.1f} s after its first request"
    silent = longest_silence(sent, until)
    if silent > SILENT_SECONDS + patience:
        return f"the availability probe sent no request for {silent:.0f} s"
    return ""
