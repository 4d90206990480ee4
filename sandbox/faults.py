"""Faults of the API, as chosen by `sandbox up --faults throttle=5,error=2 --seed 7`."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT = "throttle=5,error=2"


class FaultsError(ValueError):
    """Invalid faults; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Faults:
    """Percentages of API calls that are throttled, or that fail inside the service.

    seed: the same seed and calls give the same faults.
    """

    throttle: float = 0.0
    error: float = 0.0
    seed: int = 0

    def __bool__(self) -> bool:
        return self.throttle + self.error > 0

    def __str__(self) -> str:
        return f"throttle={self.throttle:g},error={self.error:g},seed={self.seed}"

    @classmethod
    def parse(cls, text: str) -> Faults:
        """Return faults from "throttle=5,error=2,seed=7"; each may be left out. Raises FaultsError."""
        pairs = dict(part.strip().split("=", 1) for part in text.split(",") if "=" in part)
        try:
            faults = cls(float(pairs.pop("throttle", 0)), float(pairs.pop("error", 0)), int(pairs.pop("seed", 0)))
        except ValueError:
            faults = cls(-1)
        if pairs or min(faults.throttle, faults.error) < 0 or not 0 < faults.throttle + faults.error <= 100:
            raise FaultsError(
                f"{text!r} names no faults. Give the percent of calls that meet each, 100 at most together, "
                f"for example {DEFAULT}"
            )
        return faults


NO_FAULTS = Faults()
