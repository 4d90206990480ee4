"""STS: only existing roles can be assumed."""

from __future__ import annotations

from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.iam.models import iam_backends
from moto.sts.responses import TokenResponse

from sandbox.aws_api.patch import behaviour


class AccessDenied(ServiceException):  # type: ignore[misc]  # moto is untyped
    code = "AccessDenied"


def install() -> None:
    """Attach STS's patches."""
    behaviour(TokenResponse)(assume_role)


def assume_role(original: Any, self: TokenResponse) -> ActionResult:
    """Assume a role that exists, in this account or another; trust policies are not evaluated.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    """
    arn = self._get_param("RoleArn")
    account = arn.split(":")[4]
    roles = iam_backends[account][self.partition].roles.values()
    if arn not in {role.arn for role in roles}:
        caller = self.backend.get_caller_identity(self.get_access_key(), self.region)[1]
        raise AccessDenied(f"User: {caller} is not authorized to perform: sts:AssumeRole on resource: {arn}")
    return original()
