"""`migrate`: make sure of the application's database user, then apply migrations as that user."""

import time
from typing import Any

import psycopg
from django.core.management import call_command
from django.core.management.commands import migrate
from django.db import connection
from psycopg import sql

from campshub360 import logs
from campshub360.environment import MigrationEnvironment, read

LOCK = 360_360  # any number, as long as it is the same in every release
PATIENCE = "10min"  # for another migrate to finish
# A migration that queues behind a long transaction makes everyone else queue behind it.
LOCK_TIMEOUT, STATEMENT_TIMEOUT = "5s", "5min"


class ReportingMigrate(migrate.Command):
    """Django's migrate, with a log line for each migration."""

    started = 0.0

    def migration_progress_callback(self, action: str, migration: Any = None, fake: bool = False) -> None:
        if action == "apply_start":
            self.started = time.monotonic()
        elif action == "apply_success":
            seconds = round(time.monotonic() - self.started, 3)
            logs.info("migration applied", migration=str(migration), seconds=seconds)


def run(options: list[str]) -> int:
    environment = read(MigrationEnvironment)
    if environment.database_admin_user == environment.database_user:
        raise ValueError("DATABASE_USER is the master user; give the application one of its own.")
    with administrator(environment) as admin:
        admin.execute("SELECT set_config('lock_timeout', %s, false)", [PATIENCE])
        admin.execute("SELECT pg_advisory_lock(%s)", [LOCK])  # held until this connection ends
        ensure_user(admin, environment.database_user, environment.database_password)
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [LOCK_TIMEOUT])
            cursor.execute("SELECT set_config('statement_timeout', %s, false)", [STATEMENT_TIMEOUT])
        call_command(ReportingMigrate(), verbosity=0, interactive=False)
    logs.info("database is up to date")
    return 0


def administrator(environment: MigrationEnvironment) -> psycopg.Connection:
    return psycopg.connect(
        host=environment.database_host,
        port=environment.database_port,
        dbname=environment.database_name,
        user=environment.database_admin_user,
        password=environment.database_admin_password,
        sslmode="verify-full",
        connect_timeout=10,
        autocommit=True,
    )


def ensure_user(admin: psycopg.Connection, user: str, password: str) -> None:
    """The user exists, has this password and owns the schema.

    The password is hashed here, as psql's \\password does: under log_statement or
    pg_stat_statements the server would otherwise write it down.
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
