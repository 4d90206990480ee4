"""The journal of API calls, root/api.jsonl. Of a call's parameters only the resource is written, so no secret."""

from __future__ import annotations

import datetime as dt
import json
import os
import threading
from contextlib import suppress
from pathlib import Path

from sandbox.aws_api.calls import Call


class Journal:
    """Append JSON lines: time, service, operation, mutating, status, ms, principal, region, resource."""

    def __init__(self, path: Path) -> None:
        self.folder = path.parent
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._file = os.fdopen(descriptor, "a", buffering=1)
        self._lock = threading.Lock()

    def write(self, call: Call, principal: str | None, status: int, seconds: float) -> None:
        line = json.dumps(
            {
                "time": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
                "service": call.service,
                "operation": call.operation,
                "mutating": call.mutating,
                "status": status,
                "ms": round(seconds * 1000, 1),
                "principal": principal,
                "region": call.region,
                "resource": call.resource,
            }
        )
        with self._lock, suppress(OSError):  # a full disk: the line waits in the buffer for room
            self._file.write(line + "\n")

    def close(self) -> None:
        with self._lock, suppress(OSError):
            self._file.close()
