"""A playbook called as a runner such as AWX calls it: nobody's shell, and nothing of ours but the checkout.

Its callbacks instead of ours, an inventory that a script prints, every extra variable as a text in one JSON, variables
of its own among them, no terminal, and a home where nothing can be written.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.config import CHECKOUT
from tests.support import stuck
from tests.support.stack import BIN, Played, Sandbox

#: no folder can be made there, by root neither
READ_ONLY_HOME = "/dev/null/home"
#: what AWX adds to every job: awx_meta_vars() of awx/main/models/unified_jobs.py
META = {
    f"{who}_{name}": value
    for who in ("awx", "tower")
    for name, value in {
        "job_id": 4711,
        "job_launch_type": "manual",
        "job_template_name": "Release {{ nothing }}",
        "user_name": "admin",
        "user_email": "",
        "inventory_name": "campshub360",
        "webhook_payload": {},
    }.items()
}


@dataclass(frozen=True, slots=True)
class Runner:
    """Where a runner keeps what it needs for a job, and which inventories it has been given."""

    sandbox: Sandbox
    folder: Path
    inventories: Sequence[str]

    def play(self, playbook: str, variables: Mapping[str, str], home: str | None = READ_ONLY_HOME) -> Played:
        process = stuck.Talking(
            [
                *(str(BIN / "ansible-playbook"), "-i", str(self.inventory()), "-e", json.dumps({**META, **variables})),
                f"playbooks/{playbook}.yml",
            ],
            cwd=CHECKOUT,
            env={**self.environment(), **({"HOME": home} if home else {})},
            start_new_session=True,
        )
        output = process.output()
        changed = re.findall(r"changed=(\d+)", output)
        return Played(process.returncode, output, int(changed[-1]) if changed else 0)

    def environment(self) -> dict[str, str]:
        """What ansible-runner gives to ansible-playbook (ansible_runner/config/_base.py), and where the sandbox is."""
        settings = self.sandbox.settings
        kept = {name: os.environ[name] for name in ("PATH", "SANDBOX_MINUTE", "PYTHONPATH") if name in os.environ}
        return kept | {
            "SANDBOX_DIR": str(settings.root),
            "SANDBOX_NET": settings.net,
            "ANSIBLE_CALLBACK_PLUGINS": str(self.folder / "callbacks"),
            "ANSIBLE_STDOUT_CALLBACK": "default",
            "ANSIBLE_FORCE_COLOR": "True",
            "ANSIBLE_RETRY_FILES_ENABLED": "False",
            "ANSIBLE_HOST_KEY_CHECKING": "False",
            "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
            "AWX_PRIVATE_DATA_DIR": str(self.folder),
            "AWX_ISOLATED_DATA_DIR": str(self.folder / "artifacts"),
            "AWX_HOST": "https://awx.example.org",
            "JOB_ID": "4711",
            "MAX_EVENT_RES": "700000",
            "PROJECT_REVISION": "0" * 40,
            "TZ": "UTC",
        }

    def inventory(self) -> Path:
        """A script that prints what these inventories hold, by its absolute path."""
        listed = subprocess.run(
            [str(BIN / "ansible-inventory"), *(f"--inventory={one}" for one in self.inventories), "--list"],
            cwd=CHECKOUT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "hosts.json").write_text(listed)
        script = self.folder / "hosts"
        script.write_text(f"#!{sys.executable}\nprint(open({str(self.folder / 'hosts.json')!r}).read())\n")
        script.chmod(0o700)
        return script
