"""What must not be said or done where: rules one and four of the design."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.contract.files import files, lines
from tests.contract.rule import Broken, rule

PRODUCT = ("roles", "playbooks", "plugins", "ops")

REHEARSAL = re.compile(r"sandbox|localstack|\bmoto", re.IGNORECASE)

# Clients of what stands in private subnets, and ways for a controller to reach into them.
CONNECTS = re.compile(
    r"""\b(psql|pg_dump|pg_restore|redis-cli|valkey-cli|psycopg\d?|redis\.Redis|from_url)\b
      | \bcommunity\.(postgresql|general\.redis\w*)
      | \b(ssh|delegate_to|raw|shell)\b\s*: | \b(amazon\.aws|community\.aws)\.aws_ssm\b
      | ansible\.builtin\.(wait_for|wait_for_connection|shell|raw|expect)\b""",
    re.VERBOSE,
)
SPEAKS = re.compile(r"^\s*(import|from)\s+(socket|http\.client|urllib\.request|requests|paramiko|telnetlib)\b")
# Why each part that opens connections of its own may.
SPEAKERS = {
    "ops/probe/client.py": "asks the public address, as anybody outside can",
    "plugins/connection/warm_local.py": "hands modules to a process of this machine, over a socket file",
    "ops/process/warm_server.py": "is that process",
}


@rule(
    Broken("roles/x/tasks/main.yml:1", {"roles/x/tasks/main.yml": "- name: Only in the sandbox\n"}),
    Broken("plugins/modules/x.py:1", {"plugins/modules/x.py": "# moto answers otherwise\n"}),
    Broken("playbooks/x.yml:1", {"playbooks/x.yml": "# LocalStack\n"}),
)
def playbooks_roles_and_plugins_do_not_know_where_they_run(root: Path) -> Iterator[str]:
    for where, line in lines(root, *PRODUCT):
        if REHEARSAL.search(line):
            yield f"{where} names what only an inventory may know: {line.strip()}"


@rule(
    Broken("psql", {"roles/x/tasks/main.yml": "- name: Count\n  ansible.builtin.command: psql -c 'select 1'\n"}),
    Broken("valkey-cli", {"roles/x/tasks/main.yml": "- name: Count\n  ansible.builtin.command: valkey-cli dbsize\n"}),
    Broken("wait_for", {"playbooks/x.yml": "    - ansible.builtin.wait_for: {port: 5432}\n"}),
    Broken("delegate_to", {"roles/x/tasks/main.yml": "- name: Look\n  delegate_to: bastion\n"}),
    Broken("import socket", {"plugins/modules/x.py": "import socket\n"}),
)
def nothing_connects_to_private_parts_from_the_controller(root: Path) -> Iterator[str]:
    for path in files(root, *PRODUCT):
        where = str(path.relative_to(root))
        if path.suffix not in {".yml", ".py", ".j2"}:
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if CONNECTS.search(line) or (SPEAKS.search(line) and where not in SPEAKERS):
                yield f"{where}:{number} reaches where only a one-off task may: {line.strip()}"
