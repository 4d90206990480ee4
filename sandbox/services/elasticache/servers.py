"""The nodes of one replication group, and the work that changes them.

A method that returns a Work is called under the state's lock and reads there what the work needs. The work itself runs
without the lock, one at a time for each group.
https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/AutoFailover.html
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from sandbox.control.context import Sandbox
from sandbox.control.stages import Work
from sandbox.runtime.valkey import Valkey
from sandbox.services.elasticache import families as elasticache_families
from sandbox.services.elasticache import parameters as elasticache_parameters
from sandbox.services.elasticache.replication_group import ReplicationGroup

ROLES = ("master", "replica")
#: https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/RestrictedCommands.html
RESTRICTED_COMMANDS = (
    *("acl", "bgrewriteaof", "bgsave", "config", "debug", "migrate", "module", "psync"),
    *("replicaof", "save", "shutdown", "slaveof", "sync"),
)
DETECTION = 0.5  # AWS minutes from the loss of a primary to the failover

log = logging.getLogger("sandbox")


class Cache:
    """A replication group, its nodes by member, and the settings that they were given last."""

    def __init__(self, sandbox: Sandbox, backend: Any, group: ReplicationGroup) -> None:
        self.backend, self.group = backend, group
        self._sandbox = sandbox
        self.nodes: dict[str, Valkey] = {}
        self.endpoints = {role: sandbox.network.address(self.name(role)) for role in ROLES}
        self._folder = sandbox.settings.root / "caches" / f"{group.account}-{group.region}-{group.id}"
        self._tokens: list[str] = []
        self._parameters: Mapping[str, str] = {}
        self._commands = ""
        self._lost: float | None = None  # since when there is no primary

    def name(self, role: str) -> str:
        """Return the name of the address of the endpoint "master" or "replica"."""
        return f"cache/{self.group.account}/{self.group.region}/{self.group.id}/{role}"

    @property
    def primary(self) -> Valkey:
        return self.nodes[self.group.primary]

    def readers(self) -> list[Valkey]:
        """Return the nodes of the reader endpoint: replicas, or the primary if there is none."""
        return self._survivors() or [self.primary]

    def create(self) -> Work:
        """Return the work that creates the nodes of a new group."""
        self._tokens, self._parameters = list(self.group.tokens), self._desired_parameters()
        self._commands = self._desired_commands()
        self.nodes = {member: self._node(member) for member in self.group.members}
        return self._fill

    def modify(self) -> Work:
        """Return the work that adds or removes nodes, or fails over."""
        group = self.group
        surplus = {member: self.nodes.pop(member) for member in self.nodes.keys() - group.members.keys()}
        for member in group.members.keys() - self.nodes.keys():
            self.nodes[member] = self._node(member)
        for member in surplus:
            self._sandbox.network.release(self._address(member))
        failover = group.failover_requested

        def work() -> None:
            for node in surplus.values():
                node.remove()
            self._fill()
            if failover:
                self.primary.kill()
                self._fill()

        return work

    def delete(self) -> Work:
        nodes = list(self.nodes.values())

        def work() -> None:
            for node in nodes:
                node.remove()
            shutil.rmtree(self._folder, ignore_errors=True)

        return work

    def remove(self) -> None:
        """Release the group's names and addresses; its nodes have been removed."""
        network = self._sandbox.network
        for role in ROLES:
            network.withdraw(self.group.host(role))
            network.release(self.name(role))
        for member in self.group.members:
            network.release(self._address(member))

    def close(self) -> None:
        for node in self.nodes.values():
            node.stop()

    def repair(self) -> Work | None:
        """Return the work that restores what an available group lacks: primary, replicas, tokens, parameters."""
        if not self.primary.alive():
            return self._recover()
        self._lost = None
        if any(not node.alive() for node in self.nodes.values()):
            return self._fill
        desired, told = self._desired_parameters(), self._parameters
        now = {n: told.get(n, v) if elasticache_families.waits(n) else v for n, v in desired.items()}
        tokens, commands = list(self.group.tokens), self._desired_commands()
        if (tokens, now, commands) != (self._tokens, told, self._commands):
            return partial(self._configure, tokens, now, commands)
        self.group.parameter_status = "in-sync" if now == desired else "pending-reboot"
        return None

    def _recover(self) -> Work | None:
        """Return the work that recovers a lost primary: at once, but for a failover, which begins later."""
        if not (self._survivors() and self.group.automatic_failover):
            return self._fill
        if self._lost is None:
            self._lost = time.monotonic()
        waited = time.monotonic() >= self._lost + self._sandbox.clock.seconds(DETECTION)
        return self._fill if waited else None

    def _fill(self) -> None:
        """Start all nodes. A lost primary is never started empty while a replica has its data."""
        if not self.primary.alive() and self._survivors():
            if self.group.automatic_failover:
                self._fail_over()
            else:
                self._replace()
        for node in (self.primary, *self._replicas()):
            if not node.alive():
                log.warning("starting %s", node.name)
                self._create(node, None if node is self.primary else self.primary)

    def _fail_over(self) -> None:
        """Promote a running replica; the others follow it."""
        state, group, old = self._sandbox.state, self.group, self.group.primary
        chosen = next(member for member, node in self.nodes.items() if node in self._survivors())
        log.warning("%s is lost: failing over to %s", self.primary.name, chosen)
        self.nodes[chosen].promote()
        with state.lock:
            group.primary = chosen
            for member in (chosen, None):
                group.tell(member, f"Failover from primary node {old} to replica node {chosen} completed")
        state.changed.set()
        for node in self._survivors():
            node.follow(self.primary)

    def _replace(self) -> None:
        """Replace a lost primary by a new one with a replica's data."""
        source = self._survivors()[0]
        log.warning("%s is gone: replacing it, with the data of %s", self.primary.name, source.name)
        source.promote()
        self._create(self.primary, source)
        self.primary.promote()
        for node in self._survivors():
            node.follow(self.primary)

    def _create(self, node: Valkey, primary: Valkey | None) -> None:
        node.create(self._tokens, self._parameters, primary, self._commands)

    def _configure(self, tokens: list[str], parameters: Mapping[str, str], commands: str) -> None:
        for node in self.nodes.values():
            node.configure(tokens, parameters, commands)
        self._tokens, self._parameters, self._commands = tokens, parameters, commands

    def _replicas(self) -> list[Valkey]:
        return [node for member, node in self.nodes.items() if member != self.group.primary]

    def _survivors(self) -> list[Valkey]:
        return [node for node in self._replicas() if node.alive()]

    def _desired_parameters(self) -> dict[str, str]:
        found = elasticache_parameters.find(self.backend, self.group.parameter_group)
        return elasticache_families.in_force(found.cache_parameter_group_family, found.values, self.group.node_type)

    def _desired_commands(self) -> str:
        """Return the version whose commands clients may call."""
        found = elasticache_families.engine(self.group.engine, self.group.engine_version)
        assert found
        return found.commands

    def _node(self, member: str) -> Valkey:
        sandbox = self._sandbox
        address = sandbox.network.address(self._address(member))
        return Valkey(sandbox.settings.root, f"cache {member}", self._folder / member, address, RESTRICTED_COMMANDS)

    def _address(self, member: str) -> str:
        return f"cache-node/{self.group.arn}/{member}"
