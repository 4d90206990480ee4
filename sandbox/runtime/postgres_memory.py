"""What a PostgreSQL that was killed leaves in the machine's memory, outside its folder: a System V segment.

By it PostgreSQL sees that a server still uses a data folder. The kernel keeps it until somebody removes it.
https://www.postgresql.org/docs/17/kernel-resources.html
"""

from __future__ import annotations

import subprocess
from pathlib import Path

SEGMENTS = Path("/proc/sysvipc/shm")
KEYS = 2**32  # the kernel shows a key with its sign, PostgreSQL without
LINE = 6  # of postmaster.pid: "<key> <id>", as miscadmin.h of PostgreSQL says


def release(data: Path) -> None:
    """Remove the segment of a data folder whose server is no more; none that is in use."""
    if (segment := _recorded(data)) and segment in _unused():
        subprocess.run(["ipcrm", "--shmem-id", str(segment[1])], check=False, stderr=subprocess.DEVNULL)


def _recorded(data: Path) -> tuple[int, int] | None:
    """Key and id of the segment that the server wrote down; one that ended by itself has removed both."""
    try:
        key, identifier = (data / "postmaster.pid").read_text().splitlines()[LINE].split()
        return int(key) % KEYS, int(identifier)
    except (OSError, IndexError, ValueError):
        return None


def _unused() -> set[tuple[int, int]]:
    """Key and id of the segments that no process uses."""
    rows = [line.split() for line in SEGMENTS.read_text().splitlines()]
    column = {name: number for number, name in enumerate(rows[0])}
    return {
        (int(row[column["key"]]) % KEYS, int(row[column["shmid"]])) for row in rows[1:] if row[column["nattch"]] == "0"
    }
