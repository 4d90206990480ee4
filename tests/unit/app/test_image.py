"""Parts of the image that need no server: the breaker, the pinned versions."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from .harness import APP

LOCK = Path(__file__).parents[3] / "requirements.lock"


@pytest.fixture
def breaker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("breaker", APP / "campshub360/breaker.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_after_a_failure_one_attempt_at_a_time_is_made(breaker: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(breaker.time, "monotonic", lambda: now)
    guard = breaker.Breaker((OSError,), pause_seconds=1)

    def attempt(failure: Exception | None = None) -> None:
        with guard:
            if failure:
                raise failure

    with pytest.raises(ValueError):
        attempt(ValueError())
    attempt()  # somebody else's failure changes nothing
    with pytest.raises(OSError):
        attempt(OSError())
    with pytest.raises(breaker.RefusedError):
        attempt()
    now = 101.5
    with guard, pytest.raises(breaker.RefusedError):
        attempt()  # while the first one tries
    attempt()


def test_the_image_holds_the_versions_of_the_lock() -> None:
    pins = re.compile(r"^([\w.-]+)==([\w.]+)", re.MULTILINE)
    image = dict(pins.findall((APP / "requirements.txt").read_text()))
    assert image.items() <= dict(pins.findall(LOCK.read_text())).items()
    assert "django" in image
