"""`migrate`: create or update the application's database user, then apply migrations as that user.

`migrate --plan` shows what that would do, and changes nothing.
"""

import argparse
import dataclasses
import time
from typing import Any

import psycopg
from django.core.management import call_command
from django.core.management.commands import migrate
from django.db import OperationalError, connection
from psycopg import sql

from campshub360 import logs, schema
from campshub360.environment import MigrationEnvironment, read

LOCK = 360_360  # any number, as long as it is the same in every release
MIGRATE_LOCK_TIMEOUT = "10min"  # for another migrate to finish
# A migration that queues behind a long transaction makes everyone else queue behind it.
LOCK_TIMEOUT, STATEMENT_TIMEOUT = "5s", "5min"
READ_ONLY = f"-c default_transaction_read_only=on -c lock_timeout={LOCK_TIMEOUT} -c statement_timeout=15s"


class LockedError(Exception):
    """A migration could not get a table's lock in time; nothing of it was applied."""


class ReportingMigrate(migrate.Command):
    """Django's migrate, with a log line for each migration."""

    started, current = 0.0, ""

    def migration_progress_callback(self, action: str, migration: Any = None, fake: bool = False) -> None:
        if action == "apply_start":
            self.started, self.current = time.monotonic(), str(migration)
        elif action == "apply_success":
            seconds = round(time.monotonic() - self.started, 3)
            logs.info("migration applied", migration=str(migration), seconds=seconds)


def run(options: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="migrate")
    parser.add_argument("--plan", action="store_true", help="tell what would be done, and change nothing")
    arguments = parser.parse_args(options)
    environment = read(MigrationEnvironment)
    if environment.database_admin_user == environment.database_user:
        raise ValueError("DATABASE_USER is the master user; give the application one of its own.")
    return plan(environment) if arguments.plan else apply(environment)


def plan(environment: MigrationEnvironment) -> int:
    """Log the migration plan; return 0. Takes no advisory lock, so it does not wait for a running `migrate`."""
    settings = connection.settings_dict
    settings["OPTIONS"]["options"] = READ_ONLY
    try:
        connect(environment, environment.database_user, environment.database_password, seconds=3).close()
    except psycopg.OperationalError:  # no such user yet, or not with this password: `migrate` will see to it
        administrator(environment, seconds=3).close()
        settings["USER"], settings["PASSWORD"] = environment.database_admin_user, environment.database_admin_password
    logs.info("migration plan", **dataclasses.asdict(schema.plan()))
    return 0


def apply(environment: MigrationEnvironment) -> int:
    with administrator(environment) as admin:
        admin.execute("SELECT set_config('lock_timeout', %s, false)", [MIGRATE_LOCK_TIMEOUT])
        admin.execute("SELECT pg_advisory_lock(%s)", [LOCK])  # held until this connection ends
        ensure_user(admin, environment.database_user, environment.database_password)
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [LOCK_TIMEOUT])
            cursor.execute("SELECT set_config('statement_timeout', %s, false)", [STATEMENT_TIMEOUT])
        before = schema.version()
        command = ReportingMigrate()
        try:
            call_command(command, verbosity=0, interactive=False)
        except OperationalError as error:
            if isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
                raise LockedError(
                    f"{command.current} gave up after {LOCK_TIMEOUT} of waiting for a table that somebody else has"
                    " locked, and nothing of it was applied. See who, in pg_stat_activity, and run migrate again."
                ) from error
            raise
        logs.info("database is up to date", before=before, after=schema.version())
    return 0


def administrator(environment: MigrationEnvironment, seconds: int = 10) -> psycopg.Connection:
    return connect(environment, environment.database_admin_user, environment.database_admin_password, seconds)


def connect(environment: MigrationEnvironment, user: str, password: str, seconds: int) -> psycopg.Connection:
    return psycopg.connect(
        host=environment.database_host,
        port=environment.database_port,
        dbname=environment.database_name,
        user=user,
        password=password,
        sslmode="verify-full",
        connect_timeout=seconds,
        autocommit=True,
    )


def ensure_user(admin: psycopg.Connection, user: str, password: str) -> None:
    """Make sure that the user exists, has this password and owns the schema.

    The password is hashed here, as psql's \\password does: under log_statement or pg_stat_statements the server would
    otherwise log it.
    """
    verifier = admin.pgconn.encrypt_password(password.encode(), user.encode(), b"scram-sha-256")
    known = admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [user]).fetchone()
    admin.execute(
        sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(
            sql.SQL("ALTER" if known else "CREATE"), sql.Identifier(user), sql.Literal(verifier.decode())
        )
    )
    logs.info("database user has its password" if known else "database user created", user=user)
    owner = admin.execute("SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'public'")
    if owner.fetchone() == (user,):
        return
    # RDS's master is no superuser: since PostgreSQL 16 creating a role makes it the role's
    # administrator, not a member, and only who can SET ROLE to it may give it an object.
    # https://www.postgresql.org/docs/16/sql-createrole.html
    admin.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(user)))
    admin.execute(sql.SQL("ALTER SCHEMA public OWNER TO {}").format(sql.Identifier(user)))
    logs.info("schema handed to the database user", user=user)
