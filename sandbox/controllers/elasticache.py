"""ElastiCache made true: a replication group's primary is a Redis server behind its endpoint.

The endpoint (names, address) outlives the node behind it; Envoy terminates TLS there. Replicas
are not run yet, so the reader endpoint leads to the primary too.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from sandbox.api import elasticache_parameters
from sandbox.api.elasticache_model import ReplicationGroup
from sandbox.controllers.context import Sandbox
from sandbox.controllers.lifecycle import Lifecycle, Stage, Work
from sandbox.runtime.envoy import Cluster, Endpoint, TcpListener, Tls
from sandbox.runtime.redis import PORT, Redis

ROLES = ("master", "replica")

log = logging.getLogger("sandbox")


@dataclass(slots=True)
class Node:
    """The server of a replication group, and what it was told last."""

    group: ReplicationGroup
    backend: Any
    server: Redis
    endpoint: str  # the address that clients reach
    tokens: list[str] = field(default_factory=list, repr=False)
    parameters: Mapping[str, str] = field(default_factory=dict)


class ElastiCacheController:
    """Compares replication groups with Redis servers."""

    name = "elasticache"

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._folder = sandbox.settings.root / "caches"
        self._nodes: dict[str, Node] = {}
        self._lifecycle: Lifecycle[Node] = Lifecycle(
            sandbox.clock,
            {
                "creating": Stage(0.5, self._create, self._created),
                "modifying": Stage(0.25, _nothing, _modified),
                "deleting": Stage(0.25, self._delete, self._deleted),
            },
        )

    def reconcile(self) -> None:
        with self._sandbox.state.lock:
            for _, _, backend in self._sandbox.state.backends("elasticache"):
                for group in list(backend.replication_groups.values()):
                    self._reconcile(self._node(backend, group))
            self._publish()

    def close(self) -> None:
        self._lifecycle.close()
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda node: node.server.stop(), self._nodes.values()))

    def _reconcile(self, node: Node) -> None:
        key, status = node.group.arn, node.group.status
        try:
            passing = self._lifecycle.advance(key, status, node)
            if not passing and status == "available" and (work := self._repair(node)):
                self._lifecycle.run(key, work)
        except Exception:
            log.exception("cache %s", node.group.id)
            if status == "creating":
                node.group.status = "create-failed"

    def _node(self, backend: Any, group: ReplicationGroup) -> Node:
        if group.arn not in self._nodes:
            network, root = self._sandbox.network, self._sandbox.settings.root
            folder = self._folder / f"{group.account}-{group.region}-{group.id}"
            address = network.address(f"cache-node/{group.arn}")
            server = Redis(root, f"cache {group.id}", folder, address)
            endpoint = network.address(_endpoint(group))
            self._nodes[group.arn] = Node(group, backend, server, endpoint)
        return self._nodes[group.arn]

    @staticmethod
    def _repair(node: Node) -> Work | None:
        """What an available group lacks: a running server, its tokens, its parameters."""
        group, server = node.group, node.server
        if not server.alive():
            log.warning("%s is gone: starting it, empty", server.name)
            return server.start
        wanted = _wanted(node)
        told = node.parameters
        now = {n: told[n] if elasticache_parameters.waits(n) else v for n, v in wanted.items()}
        tokens = list(group.tokens)
        if (tokens, now) != (node.tokens, told):

            def work() -> None:
                server.configure(tokens, now)
                node.tokens, node.parameters = tokens, now

            return work
        group.parameter_status = "in-sync" if now == wanted else "pending-reboot"
        return None

    @staticmethod
    def _create(node: Node) -> Work:
        node.tokens, node.parameters = list(node.group.tokens), _wanted(node)
        return lambda: node.server.create(node.tokens, node.parameters)

    def _created(self, node: Node) -> None:
        for role in ROLES:
            self._sandbox.network.publish(node.group.host(role), node.endpoint)
        node.group.endpoint_open = True
        node.group.status = "available"

    @staticmethod
    def _delete(node: Node) -> Work:
        def work() -> None:
            node.server.stop()
            shutil.rmtree(node.server.folder, ignore_errors=True)

        return work

    def _deleted(self, node: Node) -> None:
        group, network = node.group, self._sandbox.network
        for role in ROLES:
            network.withdraw(group.host(role))
        network.release(_endpoint(group))
        network.release(f"cache-node/{group.arn}")
        del node.backend.replication_groups[group.id]
        del self._nodes[group.arn]

    def _publish(self) -> None:
        nodes = [node for node in self._nodes.values() if node.group.endpoint_open]
        self._sandbox.envoy.set("elasticache", map(self._listener, nodes), map(_cluster, nodes))

    def _listener(self, node: Node) -> TcpListener:
        group, name = node.group, _endpoint(node.group)
        tls = None
        if group.tls:
            names = [group.host(role) for role in ROLES]
            tls = Tls((self._sandbox.authority.issue(names, [node.endpoint]),))
        return TcpListener(name, node.endpoint, group.port, cluster=name, tls=tls)


def _endpoint(group: ReplicationGroup) -> str:
    return f"cache/{group.account}/{group.region}/{group.id}"


def _wanted(node: Node) -> dict[str, str]:
    chosen = elasticache_parameters.find(node.backend, node.group.parameter_group).values
    return elasticache_parameters.in_force(chosen, node.group.node_type)


def _cluster(node: Node) -> Cluster:
    return Cluster(_endpoint(node.group), (Endpoint(node.server.address, PORT),))


def _nothing(_: Node) -> None:
    return None


def _modified(node: Node) -> None:
    node.group.settle()
    node.group.status = "available"
