"""The sandbox's API alone, in this process: no Envoy, no controllers but those a test runs itself."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.backends import get_backend

from sandbox.aws_api.credentials import CredentialsServer
from sandbox.aws_api.journal import Journal
from sandbox.aws_api.principals import Principals
from sandbox.aws_api.server import Api
from sandbox.aws_api.state import State
from sandbox.aws_api.transport import HttpsServer
from sandbox.config import OPERATOR_KEY, OPERATOR_SECRET, Settings
from sandbox.faults import NO_FAULTS, Faults
from sandbox.runtime.certificates import Authority
from sandbox.services import install
from tests.support import nets

NET = nets.beside(1)
SERVICES = ("acm", "cloudwatch", "ec2", "ecs", "iam", "rds", "route53", "s3", "secretsmanager", "sts")


@dataclass(frozen=True, slots=True)
class LocalApi:
    """A running API."""

    settings: Settings
    state: State
    authority: Authority
    principals: Principals

    def client(self, service: str, key: str = OPERATOR_KEY, secret: str = OPERATOR_SECRET, attempts: int = 4) -> Any:
        """Return a boto3 client without pauses between retries."""
        return boto3.client(
            service,
            region_name="us-east-1",
            endpoint_url=self.settings.api_url,
            verify=str(self.authority.certificate),
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            config=Config(retries={"mode": "standard", "total_max_attempts": attempts}),
        )

    def journal(self) -> list[dict[str, Any]]:
        """Return the calls so far."""
        return [json.loads(line) for line in (self.settings.root / "api.jsonl").read_text().splitlines()]


@contextmanager
def serving(root: Path, faults: Faults = NO_FAULTS) -> Iterator[LocalApi]:
    """Serve the API below root, with an empty account."""
    install()  # first: IAM's backend reads at its reset whether to bring AWS's policies
    for service in SERVICES:
        get_backend(service).reset()
    settings = Settings(root, NET)
    root.mkdir(mode=0o700)
    state, authority = State(), Authority(root)
    principals = Principals(settings, state)
    identity = authority.issue(["localhost"], [settings.api_address])
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, root)
        journal = Journal(root / "api.jsonl")
        stack.callback(journal.close)
        api = Api(state, principals, journal, faults)
        https = HttpsServer(settings.api_address, settings.api_port, identity, api)
        credentials = CredentialsServer(settings.credentials_address, settings.credentials_port, principals)
        for server in (https, credentials):
            server.start()
            stack.callback(server.stop)
        yield LocalApi(settings, state, authority, principals)


def refused(code: str, message: str = "") -> Any:
    """Expect that a call is refused with that code and, somewhere in its message, those words."""
    return pytest.raises(ClientError, match=rf"\({code}\).*{message}")
