"""Callers: the operator (an IAM user) and tasks (assumed roles), identified by access key."""

from __future__ import annotations

import datetime as dt
import hmac
import secrets
from dataclasses import dataclass
from typing import Any

from sandbox.aws_api.state import State
from sandbox.config import OPERATOR_KEY, OPERATOR_SECRET, Settings

SESSION_SECONDS = 6 * 3600


@dataclass(frozen=True, slots=True)
class Grant:
    """Data that a task needs to fetch its role's credentials.

    uri: value of AWS_CONTAINER_CREDENTIALS_FULL_URI; token: value of AWS_CONTAINER_AUTHORIZATION_TOKEN.
    """

    uri: str
    token: str


@dataclass(frozen=True, slots=True)
class _Holder:
    role_arn: str
    region: str
    token: str


class Principals:
    """The operator, and every role session that STS has issued."""

    def __init__(self, settings: Settings, state: State) -> None:
        self._settings = settings
        self._state = state
        self._holders: dict[str, _Holder] = {}
        with state.lock:
            self._create_operator()

    def arn(self, access_key: str) -> str | None:
        """Return the ARN of the access key's user or role session; None for a key that was never issued here."""
        with self._state.lock:
            for _, _, sts in self._state.backends("sts"):
                if session := sts.get_assumed_role_from_access_key(access_key):
                    return str(session.arn)
            for _, _, iam in self._state.backends("iam"):
                if access_key in iam.access_keys:
                    user = iam.get_user_from_access_key_id(access_key)
                    return str(user.arn) if user else None
        return None

    def grant(self, task_id: str, role_arn: str, region: str) -> Grant:
        """Allow a task to fetch credentials for its role, as the ECS agent does.

        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
        """
        token = secrets.token_urlsafe(32)
        with self._state.lock:
            self._holders[task_id] = _Holder(role_arn, region, token)
        return Grant(f"{self._settings.credentials_url}/{task_id}", token)

    def revoke(self, task_id: str) -> None:
        """Refuse credentials to a task that has stopped."""
        with self._state.lock:
            self._holders.pop(task_id, None)

    def credentials(self, task_id: str, token: str) -> dict[str, str] | None:
        """Return the answer of the credentials endpoint; None if task and token don't match.

        https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
        """
        with self._state.lock:
            holder = self._holders.get(task_id)
            if not holder or not hmac.compare_digest(holder.token.encode(), token.encode()):
                return None
            session = self._assume(task_id, holder)
        expiry = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=SESSION_SECONDS)
        return {
            "RoleArn": holder.role_arn,
            "AccessKeyId": session.access_key_id,
            "SecretAccessKey": session.secret_access_key,
            "Token": session.session_token,
            "Expiration": expiry.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def _assume(self, task_id: str, holder: _Holder) -> Any:
        sts = self._state.backend("sts", holder.role_arn.split(":")[4], "aws")
        return sts.assume_role(
            region_name=holder.region,
            role_session_name=task_id,
            role_arn=holder.role_arn,
            policy=None,
            duration=SESSION_SECONDS,
            external_id=None,
        )

    def _create_operator(self) -> None:
        iam = self._state.backend("iam", self._settings.account_id, "aws")
        if OPERATOR_KEY in iam.access_keys:
            return
        iam.create_user(self._settings.region, "operator")
        key = iam.create_access_key("operator")
        del iam.access_keys[key.access_key_id]
        key.access_key_id, key.secret_access_key = OPERATOR_KEY, OPERATOR_SECRET
        iam.access_keys[OPERATOR_KEY] = key
