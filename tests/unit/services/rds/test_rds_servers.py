"""A Multi-AZ instance through the API: what it survives, and how it changes."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from sandbox.control.maintenance import within
from sandbox.services.rds.controller import RdsController
from tests.support.sandbox.databases import NAME, become, create, describe, in_sync, login, refused, set_parameter, show
from tests.support.sandbox.dataplane import Stage, eventually, running
from tests.support.waiting import POLL_SECONDS, WAITER_CONFIG

ROWS = 50


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with running(tmp_path_factory.mktemp("multi-az"), RdsController) as stage:
        create(stage, BackupRetentionPeriod=0, DeletionProtection=False)
        yield stage


@pytest.fixture
def rds(stage: Stage) -> Any:
    client = stage.client("rds")
    eventually(lambda: synchronous(stage))
    return client


class Writer:
    """Insert rows through the endpoint, reconnecting as an application does; remember the acknowledged ones."""

    def __init__(self, stage: Stage, instance: dict[str, Any]) -> None:
        self.acknowledged: set[int] = set()
        self._stage, self._instance = stage, instance
        self._stop = threading.Event()
        with login(stage, instance) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS written (number int)")
            connection.execute("TRUNCATE written")
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def _write(self) -> None:
        number = 0
        while not self._stop.is_set():
            try:
                with login(self._stage, self._instance) as connection:
                    while not self._stop.is_set():
                        number += 1
                        connection.execute("INSERT INTO written VALUES (%s)", (number,))
                        self.acknowledged.add(number)
            except psycopg.OperationalError:
                self._stop.wait(POLL_SECONDS)  # nobody there just now

    def more(self) -> None:
        """Return when more rows have been acknowledged."""
        enough = len(self.acknowledged) + ROWS
        eventually(lambda: len(self.acknowledged) >= enough)

    def lost(self) -> set[int]:
        self._stop.set()
        self._thread.join()
        with login(self._stage, self._instance) as connection:
            return self.acknowledged - {row[0] for row in connection.execute("SELECT number FROM written").fetchall()}


def folder(stage: Stage, zone: str) -> Path:
    (found,) = stage.sandbox.settings.root.glob(f"databases/*/{zone}")
    return found


def postmaster(stage: Stage, zone: str) -> int:
    return int((folder(stage, zone) / "data" / "postmaster.pid").read_text().splitlines()[0])


def synchronous(stage: Stage) -> bool:
    """Return whether the primary requires a standby, and a standby follows."""
    instance = describe(stage.client("rds"))
    try:
        demanded = (folder(stage, instance["AvailabilityZone"]) / "data" / "replication.conf").read_text()
        return "FIRST 1" in demanded and postmaster(stage, instance["SecondaryAvailabilityZone"]) > 0
    except (OSError, ValueError):
        return False


def places(instance: dict[str, Any]) -> tuple[str, str | None]:
    return instance["AvailabilityZone"], instance.get("SecondaryAvailabilityZone")


def failovers(rds: Any) -> list[str]:
    events = rds.describe_events(SourceIdentifier=NAME, SourceType="db-instance")["Events"]
    return [event["Message"] for event in events if event["EventCategories"] == ["failover"]]


def removed(path: Path) -> bool:
    """Remove a folder from which the server's last processes may still take files themselves."""
    shutil.rmtree(path, ignore_errors=True)
    return not path.exists()


def test_the_loss_of_a_zone_loses_no_acknowledged_row(stage: Stage, rds: Any) -> None:
    before = describe(rds)
    zone, other = places(before)
    writer = Writer(stage, before)
    writer.more()
    os.kill(postmaster(stage, zone), signal.SIGKILL)
    eventually(lambda: removed(folder(stage, zone)))
    eventually(lambda: describe(rds)["AvailabilityZone"] == other)
    writer.more()
    assert writer.lost() == set()
    assert places(describe(rds)) == (other, zone)
    assert describe(rds)["Endpoint"] == before["Endpoint"]
    assert failovers(rds)[-2:] == ["Multi-AZ instance failover started.", "Multi-AZ instance failover completed."]
    eventually(lambda: synchronous(stage))  # the lost one is back, as the standby


def test_a_lost_standby_is_replaced_while_the_instance_serves(stage: Stage, rds: Any) -> None:
    before = describe(rds)
    standby = postmaster(stage, before["SecondaryAvailabilityZone"])
    writer = Writer(stage, before)
    os.kill(standby, signal.SIGKILL)
    writer.more()
    eventually(lambda: synchronous(stage) and postmaster(stage, before["SecondaryAvailabilityZone"]) != standby)
    assert writer.lost() == set()
    assert places(describe(rds)) == places(before)


def test_a_reboot_with_failover_swaps_the_zones_and_applies_what_was_pending(stage: Stage, rds: Any) -> None:
    zone, other = places(describe(rds))
    set_parameter(rds, "max_connections", "66", "pending-reboot")
    eventually(lambda: in_sync(rds, "pending-reboot"))
    answer = rds.reboot_db_instance(DBInstanceIdentifier=NAME, ForceFailover=True)
    assert answer["DBInstance"]["DBInstanceStatus"] == "rebooting"
    assert places(become(rds, "available")) == (other, zone)
    eventually(lambda: in_sync(rds))
    assert show(stage, rds, "max_connections") == "66"


def test_a_standby_comes_and_goes_and_a_new_class_fails_over(stage: Stage, rds: Any) -> None:
    def modify(**change: Any) -> dict[str, Any]:
        answer = rds.modify_db_instance(DBInstanceIdentifier=NAME, ApplyImmediately=True, **change)
        assert answer["DBInstance"]["DBInstanceStatus"] == "modifying"
        return become(rds, "available")

    zone, other = places(describe(rds))
    assert other
    single = modify(MultiAZ=False)
    assert (single["MultiAZ"], places(single)) == (False, (zone, None))
    assert not folder_exists(stage, other)
    refused("InvalidParameterCombination", rds.reboot_db_instance, DBInstanceIdentifier=NAME, ForceFailover=True)
    assert places(modify(MultiAZ=True)) == (zone, other)
    assert synchronous(stage)
    assert places(modify(DBInstanceClass="db.t3.large")) == (other, zone)


def folder_exists(stage: Stage, zone: str) -> bool:
    return bool(list(stage.sandbox.settings.root.glob(f"databases/*/{zone}")))


def test_what_is_pending_is_done_in_the_maintenance_window(rds: Any) -> None:
    now = dt.datetime.now(dt.UTC)
    near, until = (f"{now + dt.timedelta(minutes=minutes):%a:%H:%M}" for minutes in (-60, 60))
    far = f"{now + dt.timedelta(days=3):%a}"  # whatever the time of day
    given = {"DBInstanceIdentifier": NAME, "PreferredMaintenanceWindow": f"{far}:10:00-{far}:11:00"}
    refused("InvalidParameterCombination", rds.modify_db_instance, **given, AllocatedStorage=19)
    rds.modify_db_instance(**given, AllocatedStorage=21)
    assert describe(rds)["PendingModifiedValues"] == {"AllocatedStorage": 22}  # a tenth more at least
    rds.modify_db_instance(DBInstanceIdentifier=NAME, PreferredMaintenanceWindow=f"{near}-{until}")
    eventually(lambda: describe(rds)["AllocatedStorage"] == 22)
    assert become(rds, "available")["PendingModifiedValues"] == {}


def test_a_window_may_span_the_end_of_the_week() -> None:
    def at(day: int, hour: int) -> dt.datetime:
        return dt.datetime(2026, 11, day, hour, 15, tzinfo=dt.UTC)  # the 22nd is a Sunday

    assert [within("sun:23:00-mon:01:00", at(*moment)) for moment in ((22, 23), (23, 0), (23, 1), (22, 22))] == [
        *(True, True, False, False)
    ]


def test_a_single_server_that_is_lost_with_its_data_is_failed(stage: Stage, rds: Any) -> None:
    rds.modify_db_instance(DBInstanceIdentifier=NAME, MultiAZ=False, ApplyImmediately=True)
    zone, _ = places(become(rds, "available"))
    victim = postmaster(stage, zone)
    shutil.rmtree(folder(stage, zone))
    os.kill(victim, signal.SIGKILL)
    become(rds, "failed")
    gone = {"DBInstanceIdentifier": NAME}
    refused("InvalidDBInstanceState", rds.delete_db_instance, **gone, FinalDBSnapshotIdentifier="last")
    rds.delete_db_instance(**gone, SkipFinalSnapshot=True)
    rds.get_waiter("db_instance_deleted").wait(**gone, WaiterConfig=WAITER_CONFIG)
