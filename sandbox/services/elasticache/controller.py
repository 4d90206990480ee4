"""Reconcile ElastiCache: a replication group is a Valkey server, and maybe replicas, behind its endpoints.

The endpoints (names, addresses) outlive the nodes: the primary endpoint forwards to the node that takes writes, the
reader endpoint to the replicas. Envoy terminates TLS there.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sandbox.control.context import Sandbox
from sandbox.control.maintenance import within
from sandbox.control.stages import Lifecycle, Stage
from sandbox.runtime.envoy import Cluster, Endpoint, TcpListener, Tls
from sandbox.runtime.valkey import PORT
from sandbox.services.elasticache.replication_group import ReplicationGroup
from sandbox.services.elasticache.servers import ROLES, Cache

log = logging.getLogger("sandbox")


class ElastiCacheController:
    """Compare replication groups with Valkey servers."""

    name = "elasticache"

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._caches: dict[str, Cache] = {}
        self._lifecycle: Lifecycle[Cache] = Lifecycle(
            sandbox.clock,
            {
                "creating": Stage(0.5, Cache.create, self._created),
                "modifying": Stage(0.25, Cache.modify, _modified),
                "deleting": Stage(0.25, Cache.delete, self._deleted),
            },
        )

    def reconcile(self) -> None:
        with self._sandbox.state.lock:
            for _, _, backend in self._sandbox.state.backends("elasticache"):
                for group in list(backend.replication_groups.values()):
                    self._reconcile(self._cache(backend, group))
            self._publish()

    def close(self) -> None:
        self._lifecycle.close()
        with ThreadPoolExecutor() as pool:
            list(pool.map(Cache.close, self._caches.values()))

    def _reconcile(self, cache: Cache) -> None:
        group = cache.group
        try:
            passing = self._lifecycle.advance(group.arn, group.status, cache)
            if not passing and group.status == "available":
                if group.pending and within(group.maintenance_window, dt.datetime.now(dt.UTC)):
                    group.apply_now, group.status = True, "modifying"
                elif work := cache.repair():
                    self._lifecycle.run(group.arn, work)
        except Exception:
            log.exception("cache %s", group.id)
            if group.status == "creating":
                group.status = "create-failed"

    def _cache(self, backend: Any, group: ReplicationGroup) -> Cache:
        if group.arn not in self._caches:
            self._caches[group.arn] = Cache(self._sandbox, backend, group)
        return self._caches[group.arn]

    def _created(self, cache: Cache) -> None:
        for role in ROLES:
            self._sandbox.network.publish(cache.group.host(role), cache.endpoints[role])
        cache.group.endpoint_open = True
        cache.group.status = "available"

    def _deleted(self, cache: Cache) -> None:
        cache.remove()
        del cache.backend.replication_groups[cache.group.id]
        del self._caches[cache.group.arn]

    def _publish(self) -> None:
        found = [cache for cache in self._caches.values() if cache.group.endpoint_open]
        listeners = [self._listener(cache, role) for cache in found for role in ROLES]
        self._sandbox.envoy.set("elasticache", listeners, [one for cache in found for one in _clusters(cache)])

    def _listener(self, cache: Cache, role: str) -> TcpListener:
        group, name, address = cache.group, cache.name(role), cache.endpoints[role]
        tls = None
        if group.tls:
            names = [group.host(role) for role in ROLES]
            tls = Tls((self._sandbox.authority.issue(names, list(cache.endpoints.values())),))
        return TcpListener(name, address, group.port, cluster=name, tls=tls)


def _clusters(cache: Cache) -> Iterator[Cluster]:
    for role, nodes in (("master", [cache.primary]), ("replica", cache.readers())):
        yield Cluster(cache.name(role), tuple(Endpoint(node.address, PORT) for node in nodes))


def _modified(cache: Cache) -> None:
    cache.group.apply_pending()
    cache.group.status = "available"
