"""KMS: keys by ARN, where moto differs from AWS."""

from typing import Any

from moto.kms.models import KmsBackend

from sandbox.aws_api.patch import Function, behaviour


def install() -> None:
    """Attach KMS's patches."""
    for name in ("enable_key", "disable_key", "schedule_key_deletion", "cancel_key_deletion"):
        behaviour(KmsBackend)(by_arn(name))


def by_arn(name: str) -> Function:
    """Wrap an operation so that it takes a key's ARN as well as its id.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html
    """

    def call(original: Any, self: KmsBackend, key_id: str, *rest: Any) -> Any:
        return original(self.get_key_id(key_id), *rest)

    call.__name__ = name
    return call
