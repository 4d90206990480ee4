"""Whatever the shell says of AWS, right or wrong: playbooks and `sandbox` reach the sandbox and nothing else."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from sandbox.config import CHECKOUT
from tests.support import shell
from tests.support.stack import BIN, NAME, RELEASE, STACK, Sandbox
from tests.support.waiting import HANGS_SECONDS

SETTINGS = pytest.mark.parametrize("settings", [shell.wrong, shell.right], ids=["wrong", "right"])
#: command, and what it prints
COMMANDS = {
    ("url",): f"https://{NAME}",
    ("connect",): "# PostgreSQL",
    ("status",): "ENDPOINT",
    ("env",): "AWS_CA_BUNDLE",
}


@SETTINGS
def test_a_release_goes_to_the_sandbox(sandbox: Sandbox, settings: shell.Settings, tmp_path: Path) -> None:
    """With the lock's keeper beside it, a process of its own."""
    with shell.elsewhere(f"{sandbox.settings.net}.0.77") as place:
        played = sandbox.play("deploy", "-e", f"release={RELEASE}", environment=settings(place, tmp_path))
        assert (played.code, played.changed) == (0, 0), played.output
        assert place.met == []


@SETTINGS
def test_commands_go_to_the_sandbox(sandbox: Sandbox, settings: shell.Settings, tmp_path: Path) -> None:
    with shell.elsewhere(f"{sandbox.settings.net}.0.77") as place:
        environment = {**os.environ, **settings(place, tmp_path)}
        build = ("image", "build", "sandbox/app", "--tag", RELEASE, "--repository", STACK)
        for words, shown in (COMMANDS | {build: "is there already"}).items():
            done = subprocess.run(
                [str(BIN / "sandbox"), *words],
                cwd=CHECKOUT,
                env=environment,
                capture_output=True,
                text=True,
                timeout=HANGS_SECONDS,
            )
            assert (done.returncode, shown in done.stdout) == (0, True), f"{words}: {done.stdout}{done.stderr}"
        assert place.met == []
