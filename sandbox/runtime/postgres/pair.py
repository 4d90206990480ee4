"""A PostgreSQL primary and, if desired, its synchronous standby: acknowledged rows are on both.

`synchronous` is true exactly while that holds; only then may the standby take over. Without a standby that answers, the
primary goes on alone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import LiteralString

from sandbox.runtime.postgres.server import STARTUP, Postgres, PostgresError

SILENCE = 5.0  # seconds without a word from the standby: longer than a busy machine's hiccup

_IN_FORCE: LiteralString = "SELECT bool_or(sync_state = 'sync') FROM pg_stat_replication"
_CAUGHT_UP: LiteralString = "SELECT bool_or(flush_lsn >= %s) FROM pg_stat_replication WHERE sync_state = 'sync'"

log = logging.getLogger("sandbox")


class Pair:
    """The primary, and its standby if there is one."""

    def __init__(self, primary: Postgres) -> None:
        self.primary = primary
        self.standby: Postgres | None = None
        self.synchronous = False

    def attach(self, standby: Postgres, parameters: Mapping[str, str]) -> None:
        """Make a server the standby; returns when it has every acknowledged row."""
        standby.follow(self.primary, parameters)
        self.standby = standby
        self.primary.require(standby)
        self._await_rows()
        self.synchronous = True

    def detach(self) -> None:
        """Remove the standby; commits no longer wait for it."""
        self.synchronous = False
        self.primary.require(None)
        if self.standby:
            self.standby.remove()
            self.standby = None

    def fail_over(self, parameters: Mapping[str, str]) -> None:
        """Promote the standby, with these parameters.

        The old primary is ended first, so that no client reaches it.
        """
        if not self.standby or not self.synchronous:
            raise PostgresError(f"{self.primary.name}: there is no standby with all rows to fail over to")
        self.primary.kill()
        self.standby.promote(parameters)
        self.primary, self.standby, self.synchronous = self.standby, None, False

    def restart(self, parameters: Mapping[str, str]) -> None:
        """Restart both servers with these parameters, static ones included."""
        if self.standby:
            self.standby.stop()
            self.standby.tell(parameters)
        self.primary.restart(parameters)
        if self.standby:
            try:
                self.standby.resume(self.primary)
            except PostgresError:
                log.exception("%s: going on without its standby", self.primary.name)
                self.detach()

    def configure(self, parameters: Mapping[str, str]) -> None:
        """Apply these parameters to both, except those that need a restart."""
        self.primary.configure(parameters)
        if self.standby:
            self.standby.tell(parameters)

    def standby_lost(self) -> bool:
        """Return whether there is a standby that ended, or has been silent for too long."""
        if self.standby is None:
            return False
        return not self.standby.alive() or not self.primary.streams_to(self.standby, SILENCE)

    def stop(self) -> None:
        """Stop the primary; a standby is removed, and created again when it is needed."""
        if self.primary.intact():
            self.detach()
        self.primary.stop()

    def remove(self) -> None:
        """End both servers and delete their folders."""
        for server in filter(None, (self.standby, self.primary)):
            server.remove()
        self.standby, self.synchronous = None, False

    def _await_rows(self) -> None:
        deadline = time.monotonic() + STARTUP
        with self.primary.connection() as connection:

            def wait(question: LiteralString, *values: object) -> None:
                while not (row := connection.execute(question, values).fetchone()) or not row[0]:
                    if time.monotonic() > deadline:
                        raise PostgresError(f"{self.primary.name}: its standby does not catch up")
                    time.sleep(0.01)

            wait(_IN_FORCE)
            # It is the checkpointer that makes commits wait: once it obeys, it has read the setting.
            connection.execute("CHECKPOINT")
            row = connection.execute("SELECT pg_current_wal_flush_lsn()").fetchone()
            wait(_CAUGHT_UP, row and row[0])
