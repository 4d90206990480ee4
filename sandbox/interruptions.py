"""Spot interruptions, asked for by a person: on AWS nobody can, so there is no API for it."""

from __future__ import annotations

from pathlib import Path

WARNING_MINUTES = 2  # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html


def ask(root: Path, task: str) -> Path:
    """Let the sandbox at `root` interrupt the task of that id; the file goes when it has."""
    path = _folder(root) / task
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.touch(mode=0o600)
    return path


def take(root: Path) -> list[str]:
    """The ids of the tasks to interrupt, each told once."""
    found = sorted(_folder(root).glob("*"))
    for path in found:
        path.unlink()
    return [path.name for path in found]


def _folder(root: Path) -> Path:
    return root / "interruptions"
