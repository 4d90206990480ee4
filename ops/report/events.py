"""What a run saw, on disk the moment it was seen, a line of JSON each: a killed run has its evidence too."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def append(path: str, kind: str, **fields: Any) -> None:
    """Add a line. An empty path records nothing. The file is the operator's alone: errors may quote anything."""
    if not path:
        return
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps({"kind": kind, "t": round(time.time(), 3), **fields}, default=str) + "\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, line.encode())  # one call, so that lines of two writers don't mix
    finally:
        os.close(descriptor)


def lines(path: str) -> Iterator[dict[str, Any]]:
    """The lines so far, without one that a kill cut off."""
    if not path or not Path(path).exists():
        return
    for line in Path(path).read_text().splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue
