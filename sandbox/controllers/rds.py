"""RDS made true: an instance is a PostgreSQL server, reached through its endpoint.

The endpoint (name, address) outlives the node behind it: Envoy passes TCP on to the node, which
does its own TLS.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from sandbox.api import rds_parameter_groups, rds_parameters
from sandbox.api.rds_instance import DBInstance
from sandbox.controllers.context import Sandbox
from sandbox.controllers.lifecycle import Lifecycle, Stage, Work
from sandbox.runtime.envoy import Cluster, Endpoint, TcpListener
from sandbox.runtime.postgres import PORT, Master, Postgres

log = logging.getLogger("sandbox")


@dataclass(slots=True)
class Node:
    """The server of an instance, and what it was told last."""

    instance: DBInstance
    backend: Any
    server: Postgres
    endpoint: str  # the address that clients reach
    password: str = field(default="", repr=False)
    parameters: Mapping[str, str] = field(default_factory=dict)


class RdsController:
    """Compares DB instances with PostgreSQL servers."""

    name = "rds"

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._folder = sandbox.settings.root / "databases"
        self._nodes: dict[str, Node] = {}
        self._lifecycle: Lifecycle[Node] = Lifecycle(
            sandbox.clock,
            {
                "creating": Stage(1, self._create, self._created),
                "backing-up": Stage(0.25, _nothing, _available),
                "modifying": Stage(0.5, self._modify, self._modified),
                "rebooting": Stage(0.25, self._reboot, _available),
                "starting": Stage(0.25, self._start, _available),
                "stopping": Stage(0.25, self._stop, _stopped),
                "deleting": Stage(0.25, self._delete, self._deleted),
            },
        )

    def reconcile(self) -> None:
        with self._sandbox.state.lock:
            for _, _, backend in self._sandbox.state.backends("rds"):
                for instance in list(backend.databases.values()):
                    self._reconcile(self._node(backend, instance))
            self._publish()

    def close(self) -> None:
        self._lifecycle.close()
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda node: node.server.stop(), self._nodes.values()))

    def _reconcile(self, node: Node) -> None:
        key, status = node.instance.dbi_resource_id, node.instance.status
        try:
            passing = self._lifecycle.advance(key, status, node)
            if not passing and status == "available" and (work := self._repair(node)):
                self._lifecycle.run(key, work)
        except Exception:
            log.exception("database %s", node.instance.db_instance_identifier)
            if node.instance.status != "available":  # what serves is tried again
                node.instance.status = "failed"

    def _node(self, backend: Any, instance: DBInstance) -> Node:
        key = instance.dbi_resource_id
        if key not in self._nodes:
            network = self._sandbox.network
            address = network.address(f"database-node/{key}")
            name, root = f"database {instance.db_instance_identifier}", self._sandbox.settings.root
            server = Postgres(root, name, self._folder / key, address)
            endpoint = network.address(_endpoint(instance))
            self._nodes[key] = Node(instance, backend, server, endpoint)
        return self._nodes[key]

    def _repair(self, node: Node) -> Work | None:
        """What an available instance lacks: a running server, its password, its parameters."""
        instance, server = node.instance, node.server
        if not server.alive():
            log.warning("%s is gone: recovering it", server.name)
            return server.start
        if node.password != instance.password:
            return self._tell_password(node)
        wanted = _wanted(node)
        now = node.parameters
        if instance.booted_group == instance.db_parameter_group_name:
            postponed = rds_parameter_groups.waiting(_group(node))
            now = rds_parameters.applicable(node.parameters, wanted, postponed)
        if now != node.parameters:
            return self._tell_parameters(node, now)
        instance.parameter_apply_status = "in-sync" if now == wanted else "pending-reboot"
        return None

    @staticmethod
    def _tell_password(node: Node) -> Work:
        user, password = str(node.instance.master_username), node.instance.password

        def work() -> None:
            node.server.set_password(user, password)
            node.password = password

        return work

    @staticmethod
    def _tell_parameters(node: Node, parameters: Mapping[str, str]) -> Work:
        def work() -> None:
            node.server.configure(parameters)
            node.parameters = parameters

        return work

    def _create(self, node: Node) -> Work:
        instance = node.instance
        master = Master(str(instance.master_username), instance.password, instance.db_name)
        node.password, node.parameters = master.password, _wanted(node)
        addresses = [node.endpoint, node.server.address]
        identity = self._sandbox.authority.issue([instance.address], addresses)
        return lambda: node.server.create(master, node.parameters, identity)

    def _created(self, node: Node) -> None:
        self._sandbox.network.publish(node.instance.address, node.endpoint)
        node.instance.endpoint_open = True
        backed_up = bool(node.instance.backup_retention_period)
        node.instance.status = "backing-up" if backed_up else "available"

    def _modify(self, node: Node) -> Work | None:
        resized = "DBInstanceClass" in node.instance.pending_modified_values
        return self._reboot(node) if resized else None

    @staticmethod
    def _modified(node: Node) -> None:
        node.instance.settle()
        node.instance.status = "available"

    @staticmethod
    def _reboot(node: Node) -> Work:
        node.instance.booted_group = node.instance.db_parameter_group_name
        node.parameters = _wanted(node)
        return lambda: node.server.restart(node.parameters)

    @staticmethod
    def _start(node: Node) -> Work:
        return node.server.start

    @staticmethod
    def _stop(node: Node) -> Work:
        return node.server.stop

    @staticmethod
    def _delete(node: Node) -> Work:
        def work() -> None:
            node.server.stop()
            shutil.rmtree(node.server.folder, ignore_errors=True)

        return work

    def _deleted(self, node: Node) -> None:
        instance, network = node.instance, self._sandbox.network
        network.withdraw(instance.address)
        network.release(_endpoint(instance))
        network.release(f"database-node/{instance.dbi_resource_id}")
        if instance.manage_master_user_password:
            instance.master_user_secret.delete_secret()
        del node.backend.databases[instance.db_instance_identifier]
        del self._nodes[instance.dbi_resource_id]

    def _publish(self) -> None:
        nodes = [node for node in self._nodes.values() if node.instance.endpoint_open]
        self._sandbox.envoy.set("rds", map(_listener, nodes), map(_cluster, nodes))


def _endpoint(instance: DBInstance) -> str:
    return f"database/{instance.account_id}/{instance.region}/{instance.db_instance_identifier}"


def _group(node: Node) -> Any:
    return rds_parameter_groups.find(node.backend, str(node.instance.db_parameter_group_name))


def _wanted(node: Node) -> dict[str, str]:
    instance = node.instance
    size = instance.db_instance_class
    if instance.apply_now:
        size = instance.pending_modified_values.get("DBInstanceClass", size)
    return rds_parameters.in_force(rds_parameter_groups.chosen(_group(node)), size)


def _listener(node: Node) -> TcpListener:
    name = _endpoint(node.instance)
    return TcpListener(name, node.endpoint, int(node.instance.port), cluster=name)


def _cluster(node: Node) -> Cluster:
    return Cluster(_endpoint(node.instance), (Endpoint(node.server.address, PORT),))


def _nothing(_: Node) -> None:
    return None


def _available(node: Node) -> None:
    node.instance.status = "available"


def _stopped(node: Node) -> None:
    node.instance.status = "stopped"
