"""The lock of a sandbox's folder, and how its supervisor is found."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sandbox import lifecycle


def test_a_pid_that_outlived_its_supervisor_is_nobody_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number may be another process's by now, as this one's; `down` would end it."""
    monkeypatch.setattr(lifecycle, "BEGIN_SECONDS", 0.2)
    lock = lifecycle.acquire(tmp_path)
    assert lock
    (tmp_path / "supervisor.pid").write_text(str(os.getpid()))
    with pytest.raises(TimeoutError, match=r"another command holds .*supervisor\.lock"):
        lifecycle.running(tmp_path)
    lock.release()
    assert lifecycle.running(tmp_path) is None


def test_nobody_else_clears_up_while_somebody_does(tmp_path: Path) -> None:
    lock = lifecycle.acquire(tmp_path)
    assert lock
    assert lifecycle.acquire(tmp_path) is None
    lock.release()
