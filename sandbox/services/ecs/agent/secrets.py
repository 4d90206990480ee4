"""Secrets of a task definition, read from Secrets Manager with the execution role when a task starts.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.control.context import Sandbox
from sandbox.services.ecs.agent.failures import cannot_read_secret
from sandbox.services.ecs.agent.permissions import denied
from sandbox.services.ecs.records.tasks import Document, Task

ARN_PARTS = 7  # arn:aws:secretsmanager:<region>:<account>:secret:<name>

_session = boto3.Session()
_making = threading.Lock()  # boto3 sessions are not safe to share while they make clients


@dataclass(frozen=True, slots=True)
class Reference:
    """A secret's `valueFrom`: ARN[:json-key[:version-stage[:version-id]]]."""

    arn: str
    key: str
    stage: str
    version: str

    @classmethod
    def parse(cls, value: str) -> Reference:
        parts = value.split(":")
        if parts[:3] != ["arn", "aws", "secretsmanager"]:
            raise cannot_read_secret(f"the sandbox injects secrets of Secrets Manager only: {value}")
        arn, rest = ":".join(parts[:ARN_PARTS]), [*parts[ARN_PARTS:], "", "", ""]
        return cls(arn, *rest[:3])

    @property
    def region(self) -> str:
        return self.arn.split(":")[3]


class SecretReader:
    """Read secrets for one task, each secret once."""

    def __init__(self, sandbox: Sandbox, task: Task) -> None:
        self._sandbox = sandbox
        self._role = task.setting("executionRoleArn") or ""
        self._session_name = f"{task.id}-execution"
        self._values: dict[tuple[str, str, str], str] = {}

    def environment(self, secrets: Iterable[Document]) -> dict[str, str]:
        """Return name -> value for a container's `secrets`. Raises TaskStartError for one that can't be read."""
        return {one["name"]: self._value(Reference.parse(one["valueFrom"])) for one in secrets}

    def _value(self, reference: Reference) -> str:
        version = (reference.arn, reference.stage, reference.version)
        if version not in self._values:
            self._values[version] = self._read(reference)
        whole = self._values[version]
        return _part(whole, reference) if reference.key else whole

    def _read(self, reference: Reference) -> str:
        state = self._sandbox.state
        needed = [("secretsmanager:GetSecretValue", reference.arn)]
        needed += [("kms:Decrypt", key) for key in self._keys(reference)]
        for action, resource in needed:
            if why := denied(state, self._role, action, resource):
                raise cannot_read_secret(f"failed to fetch secret {reference.arn} from secrets manager: {why}")
        versions = {"VersionStage": reference.stage, "VersionId": reference.version}
        try:
            answer = self._client(reference.region).get_secret_value(
                SecretId=reference.arn, **{name: v for name, v in versions.items() if v}
            )
        except ClientError as error:
            said = error.response["Error"]
            raise cannot_read_secret(
                f"failed to fetch secret {reference.arn} from secrets manager: {said['Code']}: {said['Message']}"
            ) from None
        # docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-app-secrets-manager.html: text alone is supported
        if "SecretString" not in answer:
            raise cannot_read_secret(f"secret {reference.arn} has no SecretString")
        return str(answer["SecretString"])

    def _keys(self, reference: Reference) -> list[str]:
        """Return the customer's KMS key that protects the secret, if any."""
        state, account = self._sandbox.state, reference.arn.split(":")[4]
        with state.lock:
            backend = state.backend("secretsmanager", account, reference.region)
            secret = backend.secrets.get(reference.arn)
            key = secret.kms_key_id if secret else None
            if not key or key.endswith("alias/aws/secretsmanager"):
                return []
            return [str(state.backend("kms", account, reference.region).describe_key(key).arn)]

    def _client(self, region: str) -> Any:
        principals, settings = self._sandbox.principals, self._sandbox.settings
        grant = principals.grant(self._session_name, self._role, region)
        credentials = principals.credentials(self._session_name, grant.token) or {}
        principals.revoke(self._session_name)
        with _making:
            return _session.client(
                "secretsmanager",
                region_name=region,
                endpoint_url=settings.api_url,
                verify=str(self._sandbox.authority.certificate),
                aws_access_key_id=credentials["AccessKeyId"],
                aws_secret_access_key=credentials["SecretAccessKey"],
                aws_session_token=credentials["Token"],
                config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30),
            )


def _part(whole: str, reference: Reference) -> str:
    try:
        value = json.loads(whole)[reference.key]
    except (ValueError, TypeError, KeyError):
        raise cannot_read_secret(
            "retrieved secret from Secrets Manager did not contain json key " + reference.key
        ) from None
    return value if isinstance(value, str) else json.dumps(value)
