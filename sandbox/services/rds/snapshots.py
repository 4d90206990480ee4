"""DB snapshots with data: the controller makes the backup, and then they are available.

Pages named API_*.html are those of https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

from moto.core.responses import ActionResult
from moto.rds import models
from moto.rds.exceptions import RDSClientError
from moto.rds.models import RDSBackend
from moto.rds.responses import RDSResponse

from sandbox.aws_api.patch import behaviour, operation


class DBSnapshot(models.DBSnapshot):  # type: ignore[misc]  # moto is untyped
    """A DB snapshot. key: name of the folder with its backup, which no other snapshot ever has."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.key = f"snapshot-{secrets.token_hex(8)}"
        self.status = "creating"

    @property
    def percent_progress(self) -> int:
        return 100 if self.status == "available" else 0


def install() -> None:
    """Attach the patches of snapshots."""
    models.DBSnapshot = DBSnapshot  # the class that RDSBackend instantiates
    behaviour(RDSResponse)(create_db_snapshot)
    operation(RDSResponse)(delete_db_snapshot)


def pending(backend: RDSBackend, instance: models.DBInstance) -> Iterator[DBSnapshot]:
    """Yield the snapshots of the instance that have no data yet."""
    for snapshot in backend.database_snapshots.values():
        if snapshot.dbi_resource_id == instance.dbi_resource_id and snapshot.status == "creating":
            yield snapshot


def forget(backend: RDSBackend, instance: models.DBInstance) -> None:
    """Delete the automated snapshots of a deleted instance. API_DeleteDBInstance.html"""
    for name, snapshot in list(backend.database_snapshots.items()):
        if snapshot.dbi_resource_id == instance.dbi_resource_id and snapshot.snapshot_type == "automated":
            del backend.database_snapshots[name]


def create_db_snapshot(original: Any, self: Any) -> ActionResult:
    """Create a snapshot of an available instance, which is `backing-up` meanwhile. API_CreateDBSnapshot.html"""
    (instance,) = self.backend.describe_db_instances(self.params["DBInstanceIdentifier"])
    if instance.status != "available":
        message = f"Instance {instance.db_instance_identifier} is not currently available."
        raise RDSClientError("InvalidDBInstanceState", message)
    answer: ActionResult = original()
    instance.status = "backing-up"
    return answer


def delete_db_snapshot(self: RDSResponse) -> ActionResult:
    """Delete a snapshot; refuse a missing and an automated one. API_DeleteDBSnapshot.html"""
    snapshot = self.backend.get_db_snapshot(self.params["DBSnapshotIdentifier"].lower())
    if snapshot.status == "creating" or snapshot.snapshot_type != "manual":
        message = f"Cannot delete the snapshot because it is not currently in the available state: {snapshot.status}."
        raise RDSClientError("InvalidDBSnapshotState", message)
    del self.backend.database_snapshots[snapshot.db_snapshot_identifier]
    snapshot.status = "deleted"
    return ActionResult({"DBSnapshot": snapshot})
