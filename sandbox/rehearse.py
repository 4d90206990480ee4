"""`make rehearse`: build Tier 1 in the sandbox, release the application on it, prove that a second run changes nothing.

Each stage is the very command that a person would run against AWS, with the sandbox's inventory as the second -i.
Interrupted, it goes on from what is there: every stage changes only what is missing.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sandbox import summary
from sandbox.config import CHECKOUT, Settings, SettingsError

STACK = "campshub360-tier1"
RELEASE = "1.0.0"
BIN = Path(sys.executable).parent
INVENTORIES = ("-i", "inventories/tier1", "-i", "inventories/sandbox")


class StageError(RuntimeError):
    """A stage failed; it has printed its error itself."""


def environment(shell: Mapping[str, str]) -> dict[str, str]:
    """Return a shell's environment as playbooks need it here, without its settings for Ansible and language."""
    inherited = {name: value for name, value in shell.items() if not name.startswith("ANSIBLE_")}
    return inherited | {
        # named, since Ansible takes none from a folder that others may write to
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "LC_ALL": "C.UTF-8",
        "PATH": f"{BIN}{os.pathsep}{shell.get('PATH', os.defpath)}",
    }


@dataclass
class Rehearsal:
    settings: Settings
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, title: str) -> Iterator[None]:
        print(f"\n\033[1m==> {title}\033[0m" if sys.stdout.isatty() else f"\n==> {title}", flush=True)
        begun = time.monotonic()
        yield
        self.seconds[title] = time.monotonic() - begun

    def command(self, *words: str, environment: Mapping[str, str] | None = None) -> None:
        if subprocess.run(words, cwd=CHECKOUT, env=environment).returncode:
            raise StageError(shlex.join(words))

    def playbook(self, name: str, *words: str) -> summary.PlaybookRun:
        """Run a playbook; return its number of changed tasks and the seconds of each role."""
        record = self.settings.root / f"{name}.record.json"
        record.unlink(missing_ok=True)
        color = {"ANSIBLE_FORCE_COLOR": "1"} if sys.stdout.isatty() else {}
        self.command(
            str(BIN / "ansible-playbook"),
            *INVENTORIES,
            f"playbooks/{name}.yml",
            *words,
            environment=environment(os.environ) | {"PLAY_SUMMARY": str(record)} | color,
        )
        data = json.loads(record.read_text())
        return summary.PlaybookRun(seconds=data["seconds"], changed=data["hosts"][STACK]["changed"])


def rehearse(settings: Settings) -> summary.Summary:
    run = Rehearsal(settings)
    sandbox = str(BIN / "sandbox")
    with run.stage("Start the local AWS"):
        run.command(sandbox, "up")
    with run.stage("Provision Tier 1"):
        first = run.playbook("provision")
    with run.stage(f"Build the application's image {RELEASE} and push it to the stack's repository"):
        run.command(sandbox, "image", "build", "sandbox/app", "--tag", RELEASE, "--repository", STACK)
    with run.stage(f"Release {RELEASE}"):
        run.playbook("deploy", "-e", f"release={RELEASE}")
    with run.stage("Fill it with 2,000 students and a term of attendance"):
        run.playbook("runbook_run_command", "-e", json.dumps({"release_command": ["seed"]}))
    with run.stage("Provision again, which must change nothing"):
        second = run.playbook("provision")
    return summary.collect(settings, STACK, first, second, run.seconds)


def main() -> int:
    try:
        result = rehearse(Settings.from_environment())
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except StageError as failure:
        print(
            f"\nThe rehearsal stopped at: {failure}\nWhy stands above. Once that is cured, it goes on from here: make "
            "rehearse\nTo begin anew, with this checkout as it is now: make down rehearse",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. The same command goes on from here: make rehearse", file=sys.stderr)
        return 130
    print(summary.text(result))
    return 0 if result.second.changed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
