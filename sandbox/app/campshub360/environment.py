"""The configuration, read from environment variables only."""

import os
from dataclasses import dataclass, field, fields
from typing import TypeVar


class ConfigurationError(Exception):
    """Variables are missing or malformed; the message names all of them."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The configuration of every command. A field's variable is its name in capitals."""

    port: int
    web_threads: int
    rate_limit: int
    app_release: str
    allowed_hosts: str
    aws_region: str
    static_bucket: str
    media_bucket: str
    database_host: str
    database_port: int
    database_name: str
    database_user: str
    database_password: str = field(repr=False)
    cache_host: str
    cache_port: int
    cache_auth_token: str = field(repr=False)
    django_secret_key: str = field(repr=False)
    heartbeat_token: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class MigrationEnvironment(Environment):
    """The configuration of `migrate`, which has the database's master user too."""

    database_admin_user: str
    database_admin_password: str = field(repr=False)


Kind = TypeVar("Kind", bound=Environment)


def read(kind: type[Kind]) -> Kind:
    """Return the environment as `kind`. Raises ConfigurationError with all errors at once."""
    values: dict[str, str | int] = {}
    wrong = []
    for variable in fields(kind):
        name = variable.name.upper()
        text = os.environ.get(name, "")
        if not text:
            wrong.append(f"{name} is missing")
        elif variable.type is int and not text.isdecimal():
            wrong.append(f"{name} must be a whole number")
        else:
            values[variable.name] = int(text) if variable.type is int else text
    if wrong:
        raise ConfigurationError(f"{'; '.join(wrong)}. Set them in the task definition (docs/app-contract.md).")
    return kind(**values)
