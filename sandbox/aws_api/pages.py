"""Pagination of long answers by Marker and MaxRecords."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from moto.core.responses import ActionResult

PAGE = 100


def page(name: str, items: Sequence[Any], parameters: Mapping[str, Any]) -> ActionResult:
    """Return the items after Marker, MaxRecords (100) at most, and the Marker of the next page."""
    begin = int(parameters.get("Marker") or 0)
    end = begin + int(parameters.get("MaxRecords") or PAGE)
    marker = str(end) if end < len(items) else None
    return ActionResult({name: items[begin:end], "Marker": marker})
