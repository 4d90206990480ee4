"""AWS minutes, shortened: for waiting (bake times, provisioning delays), never for traffic."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """minute: seconds that one AWS minute lasts."""

    minute: float

    def seconds(self, minutes: float) -> float:
        """How many real seconds so many AWS minutes last."""
        return minutes * self.minute
