"""`sandbox down`: stop the sandbox."""

from __future__ import annotations

import argparse

from sandbox import lifecycle
from sandbox.config import Settings

STOP_SECONDS = 60.0


def run(_arguments: argparse.Namespace, settings: Settings) -> int:
    """Stop the supervisor, which ends its children; then clear what is left, while no other can start."""
    if not settings.root.exists():
        print("The sandbox was not running.")
        return 0
    was = "was not running"
    while (lock := lifecycle.acquire(settings.root)) is None:
        if pid := lifecycle.running(settings.root):
            print(f"  stopping the supervisor (pid {pid}) and all that it started ...", flush=True)
            if not lifecycle.end(pid, STOP_SECONDS):
                print(f"  it took longer than {STOP_SECONDS:.0f} s and was killed", flush=True)
            was = "is down"
    try:
        ended = lifecycle.clear(settings.root)
    finally:
        lock.release()
    print(f"The sandbox {was}{f'; ended {ended} process(es) left behind' if ended else ''}.")
    return 0
