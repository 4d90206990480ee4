"""The servers of one DB instance, and the work that changes them.

A method that returns a Work is called under the state's lock and reads there what the work needs. The work itself runs
without the lock, one at a time for each instance.
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.MultiAZSingleStandby.html
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from sandbox.control.context import Sandbox
from sandbox.control.stages import Work
from sandbox.runtime.postgres.pair import Pair
from sandbox.runtime.postgres.server import Master, Postgres, PostgresError
from sandbox.runtime.postgres.settings import Profile
from sandbox.services.rds import parameter_groups as rds_parameter_groups
from sandbox.services.rds import parameters as rds_parameters
from sandbox.services.rds.instances import DBInstance

#: AWS minutes from the loss of a primary to the failover, which takes RDS 60 to 120 seconds
#: (https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.MultiAZ.Failover.html)
DETECTION = 1.0
#: `rdsadmin` is the only superuser, and RDS's own; the master user is a member of `rds_superuser`.
#: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.PostgreSQL.CommonDBATasks.Roles.html
PROFILE = Profile(
    superuser="rdsadmin",
    roles="""
CREATE ROLE rds_superuser; CREATE ROLE rds_replication; CREATE ROLE rds_iam;
CREATE ROLE rds_password; CREATE ROLE rdsrepladmin REPLICATION;
GRANT pg_monitor, pg_signal_backend, pg_checkpoint, rds_replication, rds_password
  TO rds_superuser WITH ADMIN OPTION
""",
    master_role="rds_superuser",
    require_tls="rds.force_ssl",
)
CHECK_SECONDS = 1.0  # seconds between two looks at a standby

log = logging.getLogger("sandbox")


class Database:
    """An instance, its servers (named for their zones), and the settings that they were given last."""

    def __init__(self, sandbox: Sandbox, backend: Any, instance: DBInstance) -> None:
        self.backend, self.instance = backend, instance
        self._sandbox = sandbox
        self.endpoint = sandbox.network.address(self.name)
        self.pair = Pair(self._server(instance.availability_zone))
        self._password = ""
        self._parameters: Mapping[str, str] = {}
        self._lost: float | None = None  # since when there is no primary
        self._beyond_repair = False
        self._next_check = 0.0

    @property
    def key(self) -> str:
        """Return the instance's resource id, which no other instance ever has."""
        return str(self.instance.dbi_resource_id)

    @property
    def name(self) -> str:
        one = self.instance
        return f"database/{one.account_id}/{one.region}/{one.db_instance_identifier}"

    def create(self) -> Work:
        """Return the work that creates the servers of a new instance."""
        instance, standby = self.instance, self._desired_standby()
        master = Master(str(instance.master_username), instance.password, instance.db_name)
        self._password, self._parameters = master.password, self._desired_parameters()

        def work() -> None:
            self.pair.primary.create(master, self._parameters)
            if standby:
                self.pair.attach(standby, self._parameters)

        return work

    def modify(self) -> Work:
        """Return the work that adds or removes the standby and changes the class.

        A new class comes by a failover, if there is a standby.
        """
        standby = self._desired_standby()
        resized = "DBInstanceClass" in self.instance.pending_modified_values
        reboot = self._boot(by_failover=standby is not None) if resized else None

        def work() -> None:
            if standby and not self.pair.synchronous:
                self.pair.attach(standby, self._parameters)
            if not standby and self.pair.standby:
                self.pair.detach()
            if reboot:
                reboot()

        return work

    def reboot(self) -> Work:
        """Return the work of a reboot: in place, or by failover if that was requested."""
        return self._boot(by_failover=self.instance.failover_requested)

    def stop(self) -> Work:
        return self.pair.stop

    def start(self) -> Work:
        return self.pair.primary.start

    def remove(self) -> None:
        """Release the instance's names and addresses; its servers have been removed."""
        network, instance = self._sandbox.network, self.instance
        network.withdraw(instance.address)
        network.release(self.name)
        for zone in (instance.availability_zone, instance.standby_zone):
            network.release(self._node(zone))

    def repair(self) -> Work | None:
        """Return the work that restores what an available instance lacks: primary, standby, password, parameters."""
        instance, pair = self.instance, self.pair
        if not pair.primary.alive():
            return self._recover()
        self._lost, self._beyond_repair = None, False
        if instance.multi_az and (work := self._watch()):
            return work
        if self._password != instance.password:
            return self._set_password()
        desired = self._desired_parameters()
        now = self._parameters
        if instance.booted_group == instance.db_parameter_group_name:
            postponed = rds_parameter_groups.waiting(self._group())
            now = rds_parameters.applicable(self._parameters, desired, postponed)
        if now != self._parameters:
            return partial(self._configure, now)
        instance.parameter_apply_status = "in-sync" if now == desired else "pending-reboot"
        return None

    def _recover(self) -> Work | None:
        """Return the work that recovers a lost primary: in place if its data is there, else by failover later."""
        pair, instance = self.pair, self.instance
        if pair.primary.intact() and not self._beyond_repair:
            log.warning("%s is gone: recovering it", pair.primary.name)
            return self._restart
        if not pair.synchronous:
            log.error("%s is lost, and nothing has its rows", pair.primary.name)
            instance.status = "failed"
            return None
        if self._lost is None:
            self._lost = time.monotonic()
        if time.monotonic() < self._lost + self._sandbox.clock.seconds(DETECTION):
            return None
        log.warning("%s is lost: failing over", pair.primary.name)
        return partial(self._fail_over, self._parameters)

    def _restart(self) -> None:
        try:
            self.pair.primary.start()
        except PostgresError:
            log.exception("%s can't be recovered", self.pair.primary.name)
            self._beyond_repair = True

    def _watch(self) -> Work | None:
        """Return the work that replaces a lost standby; checked every second, and at once if it has ended."""
        pair = self.pair
        ended = pair.standby is not None and not pair.standby.alive()
        if not ended and time.monotonic() < self._next_check:
            return None
        self._next_check = time.monotonic() + CHECK_SECONDS
        standby = self._desired_standby()
        return partial(self._replace, standby) if standby else None

    def _replace(self, standby: Postgres) -> None:
        if self.pair.standby_lost():
            log.warning("%s lost its standby: going on alone until there is another", self.pair.primary.name)
            self.pair.detach()
        if not self.pair.synchronous:
            self.pair.attach(standby, self._parameters)

    def _boot(self, by_failover: bool) -> Work:
        self.instance.booted_group = self.instance.db_parameter_group_name
        parameters = self._parameters = self._desired_parameters()
        standby = self._desired_standby()

        def work() -> None:
            if not by_failover:
                self.pair.restart(parameters)
                return
            if standby and not self.pair.synchronous:
                self.pair.attach(standby, parameters)
            self._fail_over(parameters)

        return work

    def _fail_over(self, parameters: Mapping[str, str]) -> None:
        state, instance = self._sandbox.state, self.instance
        with state.lock:
            instance.add_event("DB_INSTANCE_FAILOVER_START")
        self.pair.fail_over(parameters)
        self._password = ""  # the last one may not have reached the standby
        with state.lock:
            instance.swap_zones()
            instance.add_event("DB_INSTANCE_FAILOVER_FINISH")
        state.changed.set()

    def _set_password(self) -> Work:
        user, password = str(self.instance.master_username), self.instance.password

        def work() -> None:
            self.pair.primary.set_password(user, password)
            self._password = password

        return work

    def _configure(self, parameters: Mapping[str, str]) -> None:
        self.pair.configure(parameters)
        self._parameters = parameters

    def _desired_standby(self) -> Postgres | None:
        return self._server(self.instance.standby_zone) if self.instance.value_once_applied("MultiAZ") else None

    def _desired_parameters(self) -> dict[str, str]:
        chosen = rds_parameter_groups.chosen(self._group())
        return rds_parameters.in_force(chosen, self.instance.value_once_applied("DBInstanceClass"))

    def _group(self) -> Any:
        return rds_parameter_groups.find(self.backend, str(self.instance.db_parameter_group_name))

    def _server(self, zone: str) -> Postgres:
        sandbox, instance = self._sandbox, self.instance
        address = sandbox.network.address(self._node(zone))
        identity = sandbox.authority.issue([instance.address], [self.endpoint, address])
        name, root = f"database {instance.db_instance_identifier} in {zone}", sandbox.settings.root
        return Postgres(root, name, root / "databases" / self.key / zone, address, identity, PROFILE)

    def _node(self, zone: str) -> str:
        return f"database-node/{self.key}/{zone}"
