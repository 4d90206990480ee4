"""`sandbox connect`: print commands that connect to what runs in the sandbox.

No command holds a secret: it reads the password from Secrets Manager when it runs.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.cli import CommandError, running
from sandbox.config import Settings
from sandbox.runtime.network import RESOLVER, read_hosts
from sandbox.runtime.postgres.server import binaries
from sandbox.runtime.postgres.settings import connection_string

PORT_OFFSET = 8000  # a plain user can't listen on 443

Clients = Callable[[str], Any]


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print the commands for one kind of endpoint, or for all."""
    running.require(settings)
    clients = running.clients(settings)
    kinds = {"app": _app, "database": _database, "cache": _cache}
    found = 0
    for kind, lines in kinds.items():
        if arguments.what in (None, kind):
            for title, line in lines(settings, clients):
                print(f"# {title}\n{line}\n")
                found += 1
    if not found:
        what = arguments.what or "load balancer, database or cache"
        raise CommandError(f"there is no {what} yet. Run playbooks/provision.yml first")
    return 0


@dataclass(frozen=True, slots=True)
class WebAddress:
    """The URL that a browser would use, and the address that serves it here."""

    scheme: str
    name: str
    port: int
    address: str

    @property
    def url(self) -> str:
        standard = {"http": 80, "https": 443}[self.scheme]
        return f"{self.scheme}://{self.name}" + ("" if self.port == standard else f":{self.port}")

    @property
    def connect_to(self) -> str:
        """Return the value of curl's --connect-to."""
        return f"{self.name}:{self.port}:{self.address}:{self.port + PORT_OFFSET}"


def web_addresses(settings: Settings, clients: Clients) -> Iterator[WebAddress]:
    """Yield every listener of every load balancer, under each of its DNS names."""
    hosts = read_hosts(settings.root / "hosts")
    aliases = _aliases(clients("route53"))
    elb = clients("elbv2")
    for balancer in elb.describe_load_balancers()["LoadBalancers"]:
        dns_name = balancer["DNSName"].lower()
        address = hosts.get(dns_name)
        listeners = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])
        for listener in listeners["Listeners"]:
            scheme = listener["Protocol"].lower()
            if address and scheme in ("http", "https"):
                for name in aliases.get(dns_name) or [dns_name]:
                    yield WebAddress(scheme, name, listener["Port"], address)


def _app(settings: Settings, clients: Clients) -> Iterator[tuple[str, str]]:
    for one in web_addresses(settings, clients):
        curl = f"curl --cacert {_word(_ca(settings))} --connect-to {one.connect_to} {one.url}/"
        yield f"{one.name}, port {one.port}", curl


def _aliases(route53: Any) -> dict[str, list[str]]:
    """Return the names of alias records by the DNS name of the load balancer that they point to."""
    found: dict[str, list[str]] = {}
    for zone in route53.list_hosted_zones()["HostedZones"]:
        records = route53.list_resource_record_sets(HostedZoneId=zone["Id"])
        for record in records["ResourceRecordSets"]:
            if "AliasTarget" in record:
                target = record["AliasTarget"]["DNSName"].rstrip(".").lower()
                found.setdefault(target.removeprefix("dualstack."), []).append(record["Name"].rstrip("."))
    return found


def _database(settings: Settings, clients: Clients) -> Iterator[tuple[str, str]]:
    hosts = read_hosts(settings.root / "hosts")
    for instance in clients("rds").describe_db_instances()["DBInstances"]:
        endpoint = instance.get("Endpoint", {})
        address = hosts.get(endpoint.get("Address", "").lower())
        if not address:
            continue
        words = {
            "host": endpoint["Address"],
            "hostaddr": address,
            "port": endpoint["Port"],
            "dbname": instance.get("DBName") or "postgres",
            "user": instance["MasterUsername"],
            "sslmode": "verify-full",
            "sslrootcert": _ca(settings),
        }
        line = f"{_psql()} {shlex.quote(connection_string(words))}"
        if secret := instance.get("MasterUserSecret", {}).get("SecretArn"):
            line = f"PGPASSWORD=$({_secret(settings, secret, json_key='password')}) {line}"
        yield f"PostgreSQL {instance['DBInstanceIdentifier']}, as its master user", line


def _cache(settings: Settings, clients: Clients) -> Iterator[tuple[str, str]]:
    for group in clients("elasticache").describe_replication_groups()["ReplicationGroups"]:
        if not group.get("NodeGroups"):
            continue
        endpoint = group["NodeGroups"][0]["PrimaryEndpoint"]
        scheme = "rediss" if group.get("TransitEncryptionEnabled") else "redis"
        program = (
            "import os, redis; print(redis.from_url("
            f'"{scheme}://{endpoint["Address"]}:{endpoint["Port"]}", '
            'password=os.environ.get("REDIS_TOKEN"), '
            f'ssl_ca_certs={str(_ca(settings))!r}).info("server"))'
        )
        if scheme == "redis":
            program = program.replace(f", ssl_ca_certs={str(_ca(settings))!r}", "")
        resolver = f"PYTHONPATH={_word(RESOLVER)} SANDBOX_HOSTS={_word(settings.root / 'hosts')}"
        line = f"{resolver} {_word(sys.executable)} -c {shlex.quote(program)}"
        if group.get("AuthTokenEnabled"):
            # ElastiCache never tells a token: the stack keeps it in a secret of this name.
            secret = f"{group['ReplicationGroupId']}/cache-auth-token"
            line = f"REDIS_TOKEN=$({_secret(settings, secret)}) {line}"
        yield f"Cache {group['ReplicationGroupId']} ({group['Engine']})", line


def _secret(settings: Settings, secret: str, json_key: str | None = None) -> str:
    """Return a shell command that prints a secret's value, or one key of its JSON.

    Not for use in double quotes: an interactive shell expands the `!` of RDS's secrets there as history.
    """
    command = (
        f". {_word(settings.root / 'env')}; {_word(sys.executable)} -m awscli secretsmanager get-secret-value "
        f"--secret-id {shlex.quote(secret)} --query SecretString --output text"
    )
    if json_key:
        program = f'import json, sys; print(json.load(sys.stdin)["{json_key}"])'
        command += f" | {_word(sys.executable)} -c {shlex.quote(program)}"
    return command


def _psql() -> str:
    return _word(shutil.which("psql") or binaries() / "psql")


def _word(path: str | Path) -> str:
    """Return a path, quoted as one word of a shell command."""
    return shlex.quote(str(path))


def _ca(settings: Settings) -> Path:
    return settings.root / "ca.pem"
