"""A rehearsal's messages when it fails, and the environment of its playbooks."""

from __future__ import annotations

import pytest

from sandbox import rehearse
from sandbox.config import CHECKOUT
from sandbox.rehearse import StageError, environment, main


def test_a_stage_that_failed_promises_nothing_before_it_is_cured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_settings: object) -> None:
        raise StageError("sandbox image build 'my app'")

    monkeypatch.setattr(rehearse, "rehearse", fail)
    assert main() == 1
    said = capsys.readouterr().err
    assert "The rehearsal stopped at: sandbox image build 'my app'" in said
    assert "Once that is cured, it goes on from here: make rehearse" in said
    assert "To begin anew, with this checkout as it is now: make down rehearse" in said


def test_an_interrupted_one_goes_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(_settings: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(rehearse, "rehearse", interrupt)
    assert main() == 130
    assert "The same command goes on from here: make rehearse" in capsys.readouterr().err


def test_a_setting_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SANDBOX_NET", "10.0")
    assert main() == 2
    assert "SANDBOX_NET='10.0'" in capsys.readouterr().err


def test_playbooks_have_nothing_of_what_the_shell_says_of_ansible() -> None:
    shell = {
        "PATH": "/bin",
        "HOME": "/nowhere",
        "LC_ALL": "C",
        "ANSIBLE_CONFIG": "/etc/mine.cfg",
        "ANSIBLE_STDOUT_CALLBACK": "default",
        "ANSIBLE_CHECK_MODE": "1",
    }
    assert environment(shell) == {
        "PATH": f"{rehearse.BIN}:/bin",
        "HOME": "/nowhere",
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
    }
    assert environment({})["PATH"].startswith(f"{rehearse.BIN}:")
