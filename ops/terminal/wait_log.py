"""The choice of a wait's messages for a log, which can't be overwritten: a new stage, and one message a minute."""

from __future__ import annotations

from dataclasses import dataclass, field

EVERY_SECONDS = 60.0


@dataclass
class WaitLog:
    """The stage that was logged last for each host, and when (seconds of any clock)."""

    _logged: dict[str, tuple[str, float]] = field(default_factory=dict)

    def is_due(self, host: str, stage: str, now: float) -> bool:
        """Return whether a message is due in the log; if it is, it counts as logged."""
        last = self._logged.get(host)
        if last and last[0] == stage and now - last[1] < EVERY_SECONDS:
            return False
        self._logged[host] = (stage, now)
        return True

    def end(self, host: str | None = None) -> None:
        """End the wait of a host, or of all hosts; the next message is due."""
        if host:
            self._logged.pop(host, None)
        else:
            self._logged.clear()
