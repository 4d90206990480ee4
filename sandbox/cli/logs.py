"""`sandbox logs`: list or print logs."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from sandbox.cli import CommandError
from sandbox.config import Settings

POLL = 0.2


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """List the logs, or print one."""
    logs = _logs(settings)
    if not arguments.name:
        for name, path in logs.items():
            print(f"{name:<40} {path.stat().st_size:>10} bytes  {path}")
        return 0
    if arguments.name not in logs:
        known = ", ".join(logs) or "none: the sandbox has not run"
        raise CommandError(f"there is no log {arguments.name!r}. There are: {known}")
    _print(logs[arguments.name], follow=arguments.follow)
    return 0


def _logs(settings: Settings) -> dict[str, Path]:
    found = {str(path.relative_to(settings.log).with_suffix("")): path for path in sorted(settings.log.rglob("*.log"))}
    journal = settings.root / "api.jsonl"
    return {**found, "api": journal} if journal.exists() else found


def _print(path: Path, *, follow: bool) -> None:
    with path.open(errors="replace") as file:
        while True:
            sys.stdout.write(file.read())
            sys.stdout.flush()
            if not follow or not path.exists():
                return
            time.sleep(POLL)
