"""CPU and memory that the processes of a service's tasks use, as a part of what they reserve.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service_utilization.html
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from sandbox.services.cloudwatch.traffic import Datum, Dimensions
from sandbox.services.ecs.records.tasks import Task

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_MEGABYTE = 1024 * 1024


class Utilization:
    """Compare the CPU time of tasks with their CPU time a minute ago."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[float, float]] = {}  # task id -> CPU seconds, at

    def measure(self, tasks: Iterable[Task]) -> Iterator[Datum]:
        """Yield CPUUtilization and MemoryUtilization of each service, in percent of its tasks' reservation."""
        usage = _usage()
        now = time.monotonic()
        before, self._before = self._before, {}
        found: dict[Dimensions, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
        for task in tasks:
            pids = [int(c.runtime_id.rpartition("-")[2]) for c in task.containers if c.runtime_id]
            cpu = sum(usage[pid][0] for pid in pids if pid in usage)
            memory = sum(usage[pid][1] for pid in pids if pid in usage)
            self._before[task.id] = cpu, now
            if task.id in before and task.last_status == "RUNNING":
                earlier, at = before[task.id]
                service = task.group.removeprefix("service:")
                key: Dimensions = (("ClusterName", task.cluster_name), ("ServiceName", service))
                reserved = int(task.setting("cpu") or 256) / 1024
                found[key][0].append(max(0.0, cpu - earlier) / (now - at) / reserved * 100)
                found[key][1].append(memory / int(task.setting("memory") or 512) * 100)
        for dimensions, (processor, memories) in found.items():
            for name, values in (("CPUUtilization", processor), ("MemoryUtilization", memories)):
                counts: dict[float, int] = defaultdict(int)
                for value in values:
                    counts[round(value, 3)] += 1
                yield Datum("AWS/ECS", name, dimensions, "Percent", counts)


def _usage() -> dict[int, tuple[float, float]]:
    """Return CPU seconds and resident megabytes by session; a container is a session."""
    total: dict[int, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_bytes().rpartition(b")")[2].split()
        except OSError:  # gone meanwhile
            continue
        session = int(fields[3])
        # with the children that it has waited for: workers that were recycled count on
        cpu, memory = total[session]
        ticks = sum(int(one) for one in fields[11:15])
        total[session] = cpu + ticks / _TICKS, memory + int(fields[21]) * _PAGE / _MEGABYTE
    return total
