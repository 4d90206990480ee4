"""Stacks other than Tier 1's own: an inventory of their own, played, and killed in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sandbox.cli.running import clients_by
from sandbox.config import CHECKOUT
from sandbox.runtime.images import Images
from tests.support.stack import BIN, Played, Sandbox
from tests.support.waiting import until


@dataclass(frozen=True, slots=True)
class Place:
    """A stack of a tier in an inventory of its own, whose values go before the tier's."""

    sandbox: Sandbox
    name: str
    folder: Path
    tier: str = "tier1"
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def zone(self) -> str:
        return str(self.values["dns_zone_name"])

    @property
    def inventories(self) -> tuple[str, ...]:
        self.folder.mkdir(parents=True, exist_ok=True)
        host = {"ansible_connection": "warm_local", **self.values}
        (self.folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {self.name: host}}}))
        return (f"inventories/{self.tier}", "inventories/sandbox", str(self.folder))

    @property
    def words(self) -> tuple[str, ...]:
        return (f"--limit={self.name}", "-e", f"confirm={self.name}", "-e", "release=1.0.0")

    def play(self, playbook: str, *words: str) -> Played:
        return self.sandbox.play(playbook, *self.words, *words, inventories=self.inventories)

    def push(self, tag: str) -> None:
        """Build the application's image into the stack's repository, in whichever account and region that is."""
        images = Images(self.sandbox.settings.root)
        manifest = images.get(images.build(CHECKOUT / "sandbox/app")).decode()
        ecr = self.client("ecr")
        with suppress(ecr.exceptions.ImageAlreadyExistsException):
            ecr.put_image(repositoryName=self.name, imageManifest=manifest, imageTag=tag)

    def client(self, service: str) -> Any:
        """A client of the stack's own account and region."""
        own: Mapping[str, str] = self.values.get("stack_environment", {})
        return clients_by(own)(service) if own else self.sandbox.client(service)

    def kill(self, playbook: str, calls: int) -> int:
        """Run a playbook and kill it with all that it started, after so many calls that changed something.

        The calls that it made by then; a playbook that ended by itself before is no interruption, and fails.
        """
        before = len(self.sandbox.calls())
        changes = self.sandbox.changes()
        command = [str(BIN / "ansible-playbook"), *(f"--inventory={one}" for one in self.inventories)]
        with subprocess.Popen(
            [*command, f"playbooks/{playbook}.yml", *self.words],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            try:
                until(lambda: process.poll() is not None or changes() >= calls, every=0.005)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        made = len(self.sandbox.changes_since(before))
        assert process.returncode == -signal.SIGKILL, f"{playbook} ended by itself after {made} calls, before {calls}"
        return made
