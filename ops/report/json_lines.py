"""Files of JSON, a line a value, of which a killed process may have left the last line half written."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


def append(path: Path, fields: Mapping[str, Any]) -> None:
    """Append a line. The file is the operator's alone, since errors may quote anything."""
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(fields, default=str) + "\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, line.encode())  # one call, so that lines of two writers don't mix
    finally:
        os.close(descriptor)


def read(path: Path, create: Callable[[Mapping[str, Any]], T]) -> list[T | None]:
    """Return what `create` makes of each line, None for a line that can't be read; empty without a file."""
    written = path.read_text(errors="replace") if path.exists() else ""
    return [parse(line, create) for line in written.splitlines()]


def parse(line: str, create: Callable[[Mapping[str, Any]], T]) -> T | None:
    try:
        return create(json.loads(line))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
