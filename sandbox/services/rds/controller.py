"""Reconcile RDS: an instance is a PostgreSQL server, and maybe its standby, behind its endpoint.

The endpoint (name, address) outlives the servers: Envoy passes TCP on to the primary, which terminates TLS itself. A DB
snapshot is a folder of its own under root/snapshots, and outlives the instance.
"""

from __future__ import annotations

import datetime as dt
import logging
import shutil
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from sandbox.control.context import Sandbox
from sandbox.control.maintenance import within
from sandbox.control.stages import Lifecycle, Stage, Work
from sandbox.runtime.envoy import Cluster, Endpoint, TcpListener
from sandbox.runtime.postgres.settings import PORT
from sandbox.services.rds import snapshots as rds_snapshots
from sandbox.services.rds.instances import DBInstance
from sandbox.services.rds.servers import Database
from sandbox.services.rds.snapshots import DBSnapshot

log = logging.getLogger("sandbox")


class RdsController:
    """Compare DB instances with PostgreSQL servers, and DB snapshots with backups."""

    name = "rds"

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._databases: dict[str, Database] = {}
        self._snapshots = sandbox.settings.root / "snapshots"
        self._kept: set[str] = set()  # keys of snapshots that were there at the last pass
        self._lifecycle: Lifecycle[Database] = Lifecycle(
            sandbox.clock,
            {
                "creating": Stage(1, Database.create, self._created),
                "backing-up": Stage(0.25, self._back_up, _backed_up),
                "modifying": Stage(0.5, Database.modify, _modified),
                "rebooting": Stage(0.25, Database.reboot, _rebooted),
                "starting": Stage(0.25, Database.start, _available),
                "stopping": Stage(0.25, self._stop, _stopped),
                "deleting": Stage(0.25, self._delete, self._deleted),
            },
        )

    def reconcile(self) -> None:
        with self._sandbox.state.lock:
            kept: set[str] = set()
            for _, _, backend in self._sandbox.state.backends("rds"):
                for instance in list(backend.databases.values()):
                    self._reconcile(self._database(backend, instance))
                kept |= {snapshot.key for snapshot in backend.database_snapshots.values()}
            for key in self._kept - kept:
                self._lifecycle.run(key, partial(shutil.rmtree, self._snapshots / key, ignore_errors=True))
            self._kept = kept
            self._publish()

    def close(self) -> None:
        self._lifecycle.close()
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda database: database.pair.stop(), self._databases.values()))

    def _reconcile(self, database: Database) -> None:
        instance = database.instance
        try:
            passing = self._lifecycle.advance(database.key, instance.status, database)
            if not passing and instance.status == "available":
                if _window_open(instance):
                    instance.apply_now, instance.status = True, "modifying"
                elif work := database.repair():
                    self._lifecycle.run(database.key, work)
        except Exception:
            log.exception("database %s", instance.db_instance_identifier)
            if instance.status != "available":  # an available instance is tried again
                instance.status = "failed"

    def _database(self, backend: Any, instance: DBInstance) -> Database:
        key = str(instance.dbi_resource_id)
        if key not in self._databases:
            self._databases[key] = Database(self._sandbox, backend, instance)
        return self._databases[key]

    def _created(self, database: Database) -> None:
        self._sandbox.network.publish(database.instance.address, database.endpoint)
        database.instance.endpoint_open = True
        backed_up = bool(database.instance.backup_retention_period)
        database.instance.status = "backing-up" if backed_up else "available"

    def _back_up(self, database: Database) -> Work:
        folders = [self._snapshots / snapshot.key for snapshot in _pending(database)]
        server = database.pair.primary

        def work() -> None:
            for folder in folders:
                server.back_up(folder)

        return work

    def _stop(self, database: Database) -> Work:
        back_up, stop = self._back_up(database), database.stop()

        def work() -> None:
            back_up()
            stop()

        return work

    def _delete(self, database: Database) -> Work:
        rds_snapshots.forget(database.backend, database.instance)
        back_up, folder = self._back_up(database), database.pair.primary.folder.parent

        def work() -> None:
            back_up()
            database.pair.remove()
            shutil.rmtree(folder, ignore_errors=True)

        return work

    def _deleted(self, database: Database) -> None:
        instance = database.instance
        _complete(database)
        database.remove()
        if instance.manage_master_user_password:
            instance.master_user_secret.delete_secret()
        del database.backend.databases[instance.db_instance_identifier]
        del self._databases[database.key]

    def _publish(self) -> None:
        found = [one for one in self._databases.values() if one.instance.endpoint_open]
        self._sandbox.envoy.set("rds", map(_listener, found), map(_cluster, found))


def _window_open(instance: DBInstance) -> bool:
    window = str(instance.preferred_maintenance_window)
    return bool(instance.pending_modified_values) and within(window, dt.datetime.now(dt.UTC))


def _listener(database: Database) -> TcpListener:
    return TcpListener(database.name, database.endpoint, int(database.instance.port), cluster=database.name)


def _cluster(database: Database) -> Cluster:
    return Cluster(database.name, (Endpoint(database.pair.primary.address, PORT),))


def _pending(database: Database) -> list[DBSnapshot]:
    return list(rds_snapshots.pending(database.backend, database.instance))


def _complete(database: Database) -> None:
    for snapshot in _pending(database):
        snapshot.status = "available"


def _backed_up(database: Database) -> None:
    _complete(database)
    database.instance.status = "available"


def _modified(database: Database) -> None:
    database.instance.apply_pending()
    database.instance.status = "available"


def _rebooted(database: Database) -> None:
    database.instance.add_event("DB_INSTANCE_RESTARTED")
    database.instance.status = "available"


def _available(database: Database) -> None:
    database.instance.status = "available"


def _stopped(database: Database) -> None:
    _complete(database)
    database.instance.status = "stopped"
