"""The configuration files of a PostgreSQL server: its own, its parameters, its replication.

A later file overrides an earlier one: parameters may change the defaults, and nothing changes replication.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

from sandbox.runtime.certificates import Identity

PORT = 5432


@dataclass(frozen=True, slots=True)
class Profile:
    """Set-up that all servers of one provider share.

    superuser: name of the only superuser; roles: SQL that creates the other roles; master_role: the role that the
    master user is a member of; require_tls: name of the parameter that, set to 1, refuses connections without TLS.
    """

    superuser: str
    roles: LiteralString
    master_role: str
    require_tls: str


def write_settings(data: Path, address: str, identity: Identity) -> None:
    """Write the node's own settings, which parameters can't change."""
    settings = {
        "listen_addresses": address,
        "port": str(PORT),
        "unix_socket_directories": "",
        "ssl": "on",
        "ssl_cert_file": str(identity.certificate),
        "ssl_key_file": str(identity.key),
        "ssl_min_protocol_version": "TLSv1.2",
        "dynamic_shared_memory_type": "mmap",  # in the data folder: in /dev/shm it would outlive a killed server
        "shared_buffers": "64MB",  # for a laptop; parameters may say more
        "shared_preload_libraries": "pg_stat_statements",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "wal_keep_size": "128MB",
        "fsync": "off",  # committed rows survive killed processes, not a crash of the machine
    }
    includes = "include 'parameters.conf'\ninclude_if_exists 'replication.conf'\n"
    write(data / "postgresql.conf", _lines(settings) + includes)


def write_parameters(data: Path, parameters: Mapping[str, str], profile: Profile) -> None:
    """Write the parameters, and whether clients may connect without TLS."""
    write(data / "parameters.conf", _lines(parameters))
    clear = "" if parameters.get(profile.require_tls) == "1" else "hostnossl all all all scram-sha-256\n"
    hosts = f"hostssl all all all scram-sha-256\nhostssl replication {profile.superuser} all scram-sha-256\n"
    write(data / "pg_hba.conf", hosts + clear)


def write_required_standby(data: Path, standby: str | None) -> None:
    """Make a primary's commits wait for the standby of that name, or for none."""
    names = f'FIRST 1 ("{standby}")' if standby else ""
    write(data / "replication.conf", _lines({"synchronous_standby_names": names}))


def write_followed_primary(data: Path, name: str, primary: str) -> None:
    """Make the standby called `name` follow a primary, given as a connection string, and serve no client.

    Without readers (hot_standby) the parameters of both may differ for as long as they like.
    """
    settings = {
        "primary_conninfo": f"{primary} application_name={name}",
        "hot_standby": "off",
        "wal_receiver_status_interval": "1s",
        "wal_retrieve_retry_interval": "100ms",
    }
    write(data / "replication.conf", _lines(settings))
    (data / "standby.signal").touch(mode=0o600)


def write_promotion(data: Path) -> None:
    """Make a standby recover to the end of the data that it has, without asking for more, and serve."""
    settings = {"restore_command": "false", "hot_standby": "off", "synchronous_standby_names": ""}
    write(data / "replication.conf", _lines(settings))
    (data / "standby.signal").rename(data / "recovery.signal")


def conninfo(address: str, user: str, passfile: Path) -> str:
    """Return the connection string by which a standby or a backup connects to a primary."""
    words = {"host": address, "port": PORT, "user": user, "passfile": passfile, "sslmode": "require"}
    return connection_string(words)


def connection_string(words: Mapping[str, object]) -> str:
    """Return libpq's `key=value ...`, with quotes around a value that needs them.

    https://www.postgresql.org/docs/17/libpq-connect.html#LIBPQ-CONNSTRING-KEYWORD-VALUE
    """
    return " ".join(f"{key}={_quoted(str(value))}" for key, value in words.items())


def _quoted(value: str) -> str:
    if not re.search(r"[\s'\\]", value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def write(path: Path, content: str) -> None:
    """Write a file that only its owner reads."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)


def _lines(settings: Mapping[str, str]) -> str:
    """Return the lines of a configuration file, whose quoted values have escapes as in C.

    https://www.postgresql.org/docs/17/config-setting.html#CONFIG-SETTING-CONFIGURATION-FILE
    """
    quoted = {name: value.replace("\\", "\\\\").replace("'", "''") for name, value in settings.items()}
    return "".join(f"{name} = '{value}'\n" for name, value in sorted(quoted.items()))
