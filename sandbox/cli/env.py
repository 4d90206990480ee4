"""`sandbox env`: print the environment of a client."""

from __future__ import annotations

import argparse

from sandbox.cli import running
from sandbox.config import Settings


def run(_arguments: argparse.Namespace, settings: Settings) -> int:
    """Print root/env."""
    running.require(settings)
    print((settings.root / "env").read_text(), end="")
    return 0
