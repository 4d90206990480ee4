"""`sandbox down`."""

from __future__ import annotations

import argparse

from sandbox import lifecycle
from sandbox.config import Settings

PATIENCE = 60.0


def run(_arguments: argparse.Namespace, settings: Settings) -> int:
    """End the supervisor, which ends its children; then look for leftovers."""
    pid = lifecycle.running(settings.root)
    if pid:
        print(f"  the supervisor (pid {pid}) ends what it started ...", flush=True)
        if not lifecycle.end(pid, PATIENCE):
            print(f"  it took longer than {PATIENCE:.0f} s and was killed", flush=True)
    if not settings.root.exists():
        print("The sandbox was not running.")
        return 0
    ended = lifecycle.clear(settings.root)
    left = f"; ended {ended} process(es) left behind" if ended else ""
    print(("The sandbox is down" if pid else "The sandbox was not running") + f"{left}.")
    return 0
