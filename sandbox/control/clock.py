"""AWS minutes, shortened: for waits (bake times, provisioning delays), never for traffic."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """The sandbox's clock. minute: real seconds that one AWS minute lasts."""

    minute: float

    def seconds(self, minutes: float) -> float:
        """Return the real seconds of so many AWS minutes."""
        return minutes * self.minute
