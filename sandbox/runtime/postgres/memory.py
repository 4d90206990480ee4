"""The System V shared memory segment that a killed PostgreSQL leaves, outside its folder.

By it PostgreSQL sees that a server still uses a data folder. The kernel keeps it until somebody removes it.
https://www.postgresql.org/docs/17/kernel-resources.html
"""

from __future__ import annotations

import subprocess
from pathlib import Path

SEGMENTS = Path("/proc/sysvipc/shm")
KEYS = 2**32  # the kernel shows a key with its sign, PostgreSQL without
LINE = 6  # of postmaster.pid: "<key> <id>", as miscadmin.h of PostgreSQL says


Segment = tuple[int, int]  # key and id


def release(segment: Segment | None) -> None:
    """Remove the segment of a server that has ended; none that is in use."""
    if segment and segment in _unused():
        subprocess.run(["ipcrm", "--shmem-id", str(segment[1])], check=False, stderr=subprocess.DEVNULL)


def recorded(data: Path) -> Segment | None:
    """Return the segment that a data folder's server recorded; a server that ended by itself removed both."""
    try:
        key, identifier = (data / "postmaster.pid").read_text().splitlines()[LINE].split()
        return int(key) % KEYS, int(identifier)
    except (OSError, IndexError, ValueError):
        return None


def _unused() -> set[Segment]:
    """Return the segments that no process uses."""
    rows = [line.split() for line in SEGMENTS.read_text().splitlines()]
    column = {name: number for number, name in enumerate(rows[0])}
    return {
        (int(row[column["key"]]) % KEYS, int(row[column["shmid"]])) for row in rows[1:] if row[column["nattch"]] == "0"
    }
