"""Requests for Spot interruptions. AWS has no API for them, so a person asks by `sandbox interrupt`."""

from __future__ import annotations

from pathlib import Path

WARNING_MINUTES = 2  # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html


def ask(root: Path, task: str) -> Path:
    """Request the interruption of a task. Returns a file that is deleted when it has happened."""
    path = _folder(root) / task
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.touch(mode=0o600)
    return path


def take(root: Path) -> list[str]:
    """Return the ids of the tasks to interrupt, each once."""
    found = sorted(_folder(root).glob("*"))
    for path in found:
        path.unlink()
    return [path.name for path in found]


def _folder(root: Path) -> Path:
    return root / "interruptions"
