"""`sandbox url`: print public addresses."""

from __future__ import annotations

import argparse

from sandbox.cli import CommandError, running
from sandbox.cli.connect import web_addresses
from sandbox.config import Settings


def run(_arguments: argparse.Namespace, settings: Settings) -> int:
    """Print the HTTPS address of each load balancer's public name."""
    running.require(settings)
    found = web_addresses(settings, running.clients(settings))
    urls = [one.url for one in found if one.scheme == "https"]
    if not urls:
        raise CommandError("nothing serves HTTPS yet. Run: make rehearse")
    print(*urls, sep="\n")
    return 0
