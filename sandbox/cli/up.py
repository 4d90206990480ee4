"""`sandbox up`: start the sandbox."""

from __future__ import annotations

import argparse
import dataclasses
import os
import subprocess
import sys
import time

from sandbox import lifecycle
from sandbox.cli import CommandError
from sandbox.config import CHECKOUT, Settings
from sandbox.environment import without_aws
from sandbox.faults import Faults, FaultsError

START_SECONDS = 180  # it hangs: a busy machine takes ten times as long as an idle one


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Start the supervisor and print its progress until it is ready."""
    settings = _with_faults(settings, arguments)
    if (pid := lifecycle.running(settings.root)) is not None:
        if arguments.faults:
            raise CommandError("it runs already, and faults are chosen at its start. First: sandbox down")
        _await_env(settings)
        print(f"The sandbox is already running: {settings.api_url} (pid {pid})")
        return 0
    begun = time.monotonic()
    with _supervisor(settings) as process:
        assert process.stdout
        outcome, reason = "failed", "the supervisor ended without a word: sandbox logs sandbox"
        for line in process.stdout:
            word, _, rest = line.rstrip("\n").partition(" ")
            if word == "stage":
                print(f"  {rest} ...", flush=True)
            else:
                outcome, reason = word, rest
                break
        if outcome != "ready":
            process.wait()
            raise CommandError(reason)
        process.returncode = 0  # it goes on without us
    print(f"The sandbox is ready after {time.monotonic() - begun:.1f} s: {settings.api_url}")
    print('Use it: eval "$(sandbox env)"; aws sts get-caller-identity')
    return 0


def _with_faults(settings: Settings, arguments: argparse.Namespace) -> Settings:
    if not arguments.faults:
        return settings
    try:
        faults = Faults.parse(arguments.faults)
    except FaultsError as error:
        raise CommandError(f"--faults {error}", 2) from error
    return dataclasses.replace(settings, faults=dataclasses.replace(faults, seed=arguments.seed or faults.seed))


def _supervisor(settings: Settings) -> subprocess.Popen[str]:
    own = {
        "SANDBOX_DIR": str(settings.root),
        "SANDBOX_NET": settings.net,
        "SANDBOX_MINUTE": str(settings.minute),
        "SANDBOX_FAULTS": str(settings.faults or ""),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "sandbox.supervisor"],
        cwd=CHECKOUT,
        env={**without_aws(os.environ), **own},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _await_env(settings: Settings) -> None:
    """Wait for root/env, which another `up` may be about to write: it is there when the sandbox is ready."""
    deadline = time.monotonic() + START_SECONDS
    while not (settings.root / "env").exists():
        if lifecycle.running(settings.root) is None:
            raise CommandError("another `sandbox up` was at work, and failed. Run it again")
        if time.monotonic() > deadline:
            raise CommandError("it starts, but does not get ready. Look: sandbox logs sandbox")
        time.sleep(lifecycle.POLL)
