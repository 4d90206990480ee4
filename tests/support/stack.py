"""How tests drive a stack and look at it: by its playbooks, as the operator, and from outside."""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sandbox.cli import running
from sandbox.config import CHECKOUT, Settings
from tests.support import stuck
from tests.support.waiting import HANGS_SECONDS

STACK = "campshub360-tier1"
RELEASE = "1.0.0"
NAME = "app.tier1.campshub360.example"
BIN = Path(sys.executable).parent
INVENTORIES = ("inventories/tier1", "inventories/sandbox")


@dataclass(frozen=True, slots=True)
class Played:
    """A playbook that has run: its exit code, what it wrote, how many tasks changed something, and each change."""

    code: int
    output: str
    changed: int
    changes: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The running sandbox of the tests."""

    settings: Settings

    def client(self, service: str) -> Any:
        return running.clients(self.settings)(service)

    def play(
        self,
        name: str,
        *words: str,
        inventories: Sequence[str] = INVENTORIES,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> Played:
        """Run a playbook as a person does."""
        record = self.settings.root / "test.record.json"
        record.unlink(missing_ok=True)
        process = stuck.Talking(
            [
                str(BIN / "ansible-playbook"),
                *(f"--inventory={one}" for one in inventories),
                f"playbooks/{name}.yml",
                *words,
            ],
            cwd=CHECKOUT,
            env={
                **os.environ,
                "PLAY_SUMMARY": str(record),
                "ANSIBLE_FORCE_COLOR": "0",
                **stuck.TELLING,
                **environment,
            },
        )
        output = process.output()
        told = json.loads(record.read_text()) if record.exists() else {"hosts": {}, "changes": []}
        changed = sum(host["changed"] for host in told["hosts"].values())
        return Played(process.returncode, output, changed, told["changes"])

    def healthy(self, colour: str = "blue") -> int:
        """How many targets of that group are healthy."""
        elb = self.client("elbv2")
        group = elb.describe_target_groups(Names=[f"{STACK}-{colour}"])["TargetGroups"][0]["TargetGroupArn"]
        targets = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return sum(target["TargetHealth"]["State"] == "healthy" for target in targets)

    def calls(self) -> list[dict[str, Any]]:
        """Every API call so far, in order; without the line that is just being written."""
        whole = (self.settings.root / "api.jsonl").read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def changes_since(self, calls: int) -> list[str]:
        """Mutating operations of the operator after so many calls. Tasks call too, and go on doing so.

        Without those on the stack's lock, which is held while a playbook runs, and gone afterwards.
        """
        return [f"{call['service']} {call['operation']}" for call in self.calls()[calls:] if _is_change(call)]

    def changes(self) -> Callable[[], int]:
        """Return what tells how many there were since now; it reads only what is new, so that one may ask often."""
        journal, count = (self.settings.root / "api.jsonl").open(), 0
        journal.seek(0, os.SEEK_END)
        rest = ""

        def told() -> int:
            nonlocal count, rest
            whole, _, rest = (rest + journal.read()).rpartition("\n")
            count += sum(_is_change(json.loads(line)) for line in whole.splitlines())
            return count

        return told


def _is_change(call: Mapping[str, Any]) -> bool:
    operators = str(call["principal"]).endswith("user/operator")
    return bool(call["mutating"]) and operators and "/locks/" not in str(call["resource"])


@dataclass(frozen=True, slots=True)
class Answer:
    """What the application answered: headers by lower-case name, the body as JSON."""

    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True, slots=True)
class Ask:
    """Asks the application by its public name, connecting to where the load balancer listens."""

    address: str
    ca: Path

    def __call__(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] = MappingProxyType({})
    ) -> Answer:
        context = ssl.create_default_context(cafile=str(self.ca))
        with (
            socket.create_connection((self.address, 8443), timeout=HANGS_SECONDS) as raw,
            context.wrap_socket(raw, server_hostname=NAME) as tls,
        ):
            connection = http.client.HTTPConnection(NAME)
            connection.sock = tls
            sent = None if body is None else json.dumps(body)
            connection.request(method, path, sent, {"Content-Type": "application/json", **headers})
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, json.loads(answer.read() or "null"))


def secret_values(manager: Any) -> dict[str, str]:
    """What must be found nowhere: every secret value of the account, by name; of a JSON secret, its password."""
    names = [secret["Name"] for secret in manager.list_secrets()["SecretList"]]
    texts = {name: manager.get_secret_value(SecretId=name)["SecretString"] for name in names}
    found = {name: json.loads(text)["password"] if text.startswith("{") else text for name, text in texts.items()}
    assert len(found) >= 5
    assert all(len(value) >= 16 for value in found.values())
    return found


def revealed(text: str, secrets: Mapping[str, str]) -> list[str]:
    """Names of the secrets whose value stands in a text."""
    return [name for name, value in secrets.items() if value in text]
