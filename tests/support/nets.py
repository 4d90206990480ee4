"""Which loopback addresses tests take, so that two runs of them, each with a SANDBOX_NET of its own, never meet."""

from __future__ import annotations

import os

#: not the default of a sandbox, which may be running while tests do
OWN = os.environ.get("SANDBOX_NET", "127.88")


def beside(number: int) -> str:
    """Another net for this run: 1, 2 or 3."""
    return f"127.{int(OWN.removeprefix('127.')) + 50 * number}"
