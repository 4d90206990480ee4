"""Records of releases as they are left in a run's folder, made up but true to life: the same every time."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BEGIN = 1795606200.0  # 2026-11-25 11:30:00 UTC
RATE = 100  # requests a second
BLUE, GREEN = "1.3.0", "1.4.0"
RUN = f"20261125T113000Z-{GREEN}"
HOSTILE = "</style><script>alert(1)</script><img src=x onerror=alert(1)>\x00\x1b[31m"

# Seconds from the start at which a stage begins, and green's share from then on.
FORWARD = [
    (24, "PRE_SCALE_UP", 0), (27, "SCALE_UP", 0), (58, "POST_SCALE_UP", 0), (60, "TEST_TRAFFIC_SHIFT", 0),
    (62, "POST_TEST_TRAFFIC_SHIFT", 0), (70, "PRE_PRODUCTION_TRAFFIC_SHIFT", 0), (73, "PRODUCTION_TRAFFIC_SHIFT", 5),
    (118, "PRE_PRODUCTION_TRAFFIC_SHIFT", 5), (123, "PRODUCTION_TRAFFIC_SHIFT", 100),
    (128, "POST_PRODUCTION_TRAFFIC_SHIFT", 100), (132, "BAKE_TIME", 100), (174, "CLEAN_UP", 100),
]  # fmt: skip
BEFORE = [
    (4, "preflight", "ok", "The image was found, and everything is in place"),
    (9, "static", "ok", "Static files of 1.4.0 stand beside the older ones"),
    (21, "migration", "ok", "The schema went from 0006_fees to 0007_attendance_notes; it only adds"),
    (23, "deployment", "ok", "ECS was asked for 1.4.0"),
    (69, "smoke_test", "ok", "Green passed 7 of 7 checks on test traffic"),
]
LIMITS = {"minimum_requests": 300, "error_percent": 1.0, "p95_factor": 2.0, "p95_floor_ms": 50.0, "cpu_percent": 90.0}


@dataclass
class Story:
    """A release: when it turned back (None: never), how many of green's answers fail, and how slow green is."""

    seconds: float = 192
    turned: float | None = None
    errors: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)

    def stages(self) -> list[tuple[float, str, float]]:
        return [stage for stage in FORWARD if self.turned is None or stage[0] < self.turned]

    def share(self, second: float) -> float:
        if self.turned is not None and second >= self.turned + 2:
            return 0.0
        return max((stage for stage in self.stages() if stage[0] <= second), default=(0, "", 0.0))[2]

    def record(self) -> Iterator[dict[str, Any]]:
        for second, event, outcome, words in BEFORE:
            yield {"kind": "event", "t": BEGIN + second, "event": event, "outcome": outcome, "message": words}
        for second in range(24, int(self.seconds), 3):
            stage = max(stage for stage in self.stages() if stage[0] <= second)[1]
            back = self.turned is not None and second >= self.turned
            status = "ROLLBACK_IN_PROGRESS" if back else "IN_PROGRESS"
            yield {
                "kind": "observation",
                "t": BEGIN + second,
                "status": status,
                "stage": stage,
                "share": self.share(second),
            }
        if self.turned is None:
            yield self.gate(117, "canary", "ok", 4275, 340, 0)
            yield self.gate(173, "bake", "ok", 4100, 5102, 0)
        else:
            yield self.gate(self.turned, "canary", "failed", 2104, 312, 15)
            words = "The traffic goes back to 1.3.0"
            yield {
                "kind": "event",
                "t": BEGIN + self.turned + 1,
                "event": "rollback",
                "outcome": "ok",
                "message": words,
            }

    def gate(self, second: float, name: str, outcome: str, blue: int, green: int, errors: int) -> dict[str, Any]:
        words = f"green answers {100 * errors / green:.1f} % of {green} requests with 5xx; 1 % is allowed"
        return {
            "kind": "event", "t": BEGIN + second, "event": "analysis", "name": name, "outcome": outcome,
            "message": words, "thresholds": LIMITS, "blue": {"requests": blue, "errors": 0, "p95_ms": 41.0},
            "green": {"requests": green, "errors": errors, "p95_ms": 44.0},
        }  # fmt: skip

    def requests(self) -> Iterator[dict[str, Any]]:
        chance = random.Random(4)
        for n in range(int((self.seconds - 20) * RATE)):
            second = 18 + n / RATE
            green = chance.random() * 100 < self.share(second)
            bad = green and chance.random() < self.errors
            ms = chance.lognormvariate(3.1 if green else 3.0, 0.35)
            yield {
                "t": BEGIN + second, "ms": round(ms, 1), "release": GREEN if green else BLUE,
                "kind": "write" if n % 3 == 0 else "read", "status": 500 if bad else 200,
                "error": "500 instead of 200" if bad else None,
            }  # fmt: skip

    def probe(self) -> dict[str, Any]:
        sent = list(self.requests())
        failed = [one for one in sent if one["error"]]
        mine = {tag: [one for one in sent if one["release"] == tag] for tag in (BLUE, GREEN)}
        return {
            "requests": len(sent), "failed": len(failed), "reconnected": 0, "seconds": self.seconds - 20,
            "p95_ms": 36.4,
            "by_release": {
                tag: {"requests": len(all_), "failed": sum(bool(one["error"]) for one in all_), "p95_ms": 36.0}
                for tag, all_ in mine.items()
            },
            "first_failure": "a read at 11:31:24 UTC: 500 instead of 200" if failed else None,
            "writes": dict.fromkeys(("sent", "acknowledged", "found"), len(sent) // 3) | {"lost": 0, "doubled": 0},
        }  # fmt: skip

    def told(self) -> dict[str, Any]:
        back = self.turned is not None
        return {
            "stack": "campshub360-tier1", "release": GREEN, "digest": "sha256:" + "9f86d081884c7d65" * 4,
            "git_sha": "b165a0f6c1d0e9f4a7a2f1c3d5e7089a1b2c3d4e", "operator": "ops",
            "change_reason": "attendance notes",
            "task_definition": "campshub360-tier1-app:42", "previous_release": BLUE,
            "previous_task_definition": "campshub360-tier1-app:41", "strategy": "CANARY",
            "schema": {"before": "0006_fees", "after": "0007_attendance_notes", "breaking_migrations": []},
            "outcome": "rolled back" if back else "released",
            "failure_reason": "green answers 4.8 % of 312 requests with 5xx; 1 % is allowed" if back else "",
            "started": BEGIN, "finished": BEGIN + self.seconds, "probe": self.probe(), **self.facts,
        }  # fmt: skip

    def write(self, folder: Path, run: str = RUN) -> Path:
        """The two files of the run below the folder for reports."""
        mine = folder / run
        mine.mkdir(parents=True)
        for name, lines in (("events", self.record()), ("requests", self.requests())):
            (mine / f"{name}.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        return mine


RELEASED = Story()
TAKEN_BACK = Story(seconds=132, turned=112, errors=0.048)
