"""Access to the running sandbox, for commands."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from sandbox import lifecycle
from sandbox.cli import CommandError
from sandbox.config import Settings
from sandbox.environment import no_settings_of_the_shell, variables
from sandbox.runtime.certificates import Authority

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NOT_RUNNING = 3


def require(settings: Settings) -> int:
    """Return the supervisor's process id. Raises CommandError if the sandbox is not up."""
    pid = lifecycle.running(settings.root)
    if pid is None:
        raise CommandError("the sandbox is not running. Start it: sandbox up", NOT_RUNNING)
    if not (settings.root / "env").exists():
        raise CommandError("the sandbox is still starting. Wait for it: sandbox up", NOT_RUNNING)
    return pid


def clients(settings: Settings) -> Callable[[str], Any]:
    """Return a function that creates boto3 clients of the operator, whatever this shell's own AWS settings are."""
    return clients_by(variables(settings, Authority(settings.root)))


def clients_by(environment: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a function that creates boto3 clients by the AWS_ variables of an environment."""

    def client(service: str) -> Any:
        with no_settings_of_the_shell():
            return _session().client(
                service,
                endpoint_url=environment["AWS_ENDPOINT_URL"],
                verify=environment["AWS_CA_BUNDLE"],
                region_name=environment["AWS_REGION"],
                aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
                aws_session_token=environment.get("AWS_SESSION_TOKEN") or None,
            )

    return client


@functools.cache
def _session() -> Any:
    """Return a session that has read no settings. There is one, so that each service's model is parsed once."""
    import boto3

    return boto3.session.Session()
