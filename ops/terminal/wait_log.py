"""What of a wait belongs into a log, where nothing is written over: what is new, and once a minute how it stands."""

from __future__ import annotations

from dataclasses import dataclass, field

EVERY_SECONDS = 60.0


@dataclass
class WaitLog:
    """By host: the stage that was told last, and when (seconds of any clock)."""

    _told: dict[str, tuple[str, float]] = field(default_factory=dict)

    def wants(self, host: str, stage: str, now: float) -> bool:
        """Whether this look is worth a line; it counts as told then."""
        last = self._told.get(host)
        if last and last[0] == stage and now - last[1] < EVERY_SECONDS:
            return False
        self._told[host] = (stage, now)
        return True

    def end(self, host: str | None = None) -> None:
        """The host waits no more, or nobody does; what it waits for next is new."""
        if host:
            self._told.pop(host, None)
        else:
            self._told.clear()
