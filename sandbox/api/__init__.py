"""The AWS API: moto, embedded, with one module of mends for each service that needs some."""

from __future__ import annotations

import functools
import importlib

SERVICES: tuple[str, ...] = ()


@functools.cache
def install() -> None:
    """Attach every service's mends to moto's classes; once in a process, however often called."""
    for service in SERVICES:
        importlib.import_module(f"{__name__}.{service}").install()
