"""Errors in the format of the service's protocol, with statuses that clients don't retry."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from moto.core.exceptions import ServiceException
from moto.core.model import OperationModel
from moto.core.request import determine_request_protocol
from moto.core.serialize import ResponseSerializer, get_serializer_class
from moto.core.utils import get_service_model

from sandbox.aws_api.calls import Call

CBOR = [("Content-Type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")]


class _Error(ServiceException):  # type: ignore[misc]  # moto is untyped
    """An error of no service: moto finds a service's error by the package that defines the class."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def error(call: Call, content_type: str, code: str, message: str, status: int = 400) -> Answer:
    """Return an AWS error for the call."""
    if content_type == "application/cbor":
        return Answer(status, CBOR, _cbor({"__type": code, "message": message}))
    serialized = _serializer(call, content_type).serialize(_Error(code, message))
    body = serialized["body"]
    headers = [(k, v) for k, v in serialized["headers"].items() if k.lower() != "content-length"]
    return Answer(status, headers, body.encode() if isinstance(body, str) else body)


def not_emulated(call: Call, content_type: str) -> Answer:
    """Return the error for an operation that the sandbox lacks. AWS has no such code, so nobody takes it for AWS's."""
    message = (
        f"The sandbox does not emulate {call.service}:{call.operation}. "
        "docs/sandbox-conformance.md lists what it does emulate."
    )
    return error(call, content_type, "NotEmulated", message)


def failed(call: Call, content_type: str, failure: BaseException) -> Answer:
    """Return the error for a failure of the sandbox itself: no 5xx, which clients would retry for minutes."""
    message = (
        f"The sandbox failed at {call.service}:{call.operation}: "
        f"{type(failure).__name__}: {failure}. The traceback: sandbox logs sandbox"
    )
    return error(call, content_type, "SandboxFailure", message)


def no_room(call: Call, content_type: str, folder: Path) -> Answer:
    """Return the error for a full disk, before anything is done: no change is left half-made."""
    message = (
        f"The sandbox did nothing at {call.service}:{call.operation}: the disk that holds {folder} is full. "
        "Free some of it, then do the same again."
    )
    return error(call, content_type, "SandboxFailure", message)


def not_signed(call: Call, content_type: str) -> Answer:
    """Return AWS's error for a request without credentials.

    https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
    """
    return error(
        call,
        content_type,
        "AccessDenied" if call.service == "s3" else "MissingAuthenticationToken",
        'Request is missing Authentication Token. Source the sandbox\'s credentials: eval "$(sandbox env)"',
        403,
    )


def unknown_key(call: Call, content_type: str) -> Answer:
    """Return AWS's error for an access key that it never issued.

    https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
    """
    by_service = {"s3": "InvalidAccessKeyId", "ec2": "AuthFailure"}
    json = call.known and get_service_model(call.service).protocol == "json"
    code = "UnrecognizedClientException" if json else "InvalidClientTokenId"
    return error(
        call,
        content_type,
        by_service.get(call.service, code),
        'The access key of this request is none of this sandbox\'s. Source its credentials: eval "$(sandbox env)"',
        403,
    )


def _serializer(call: Call, content_type: str) -> ResponseSerializer:
    model = get_service_model(call.service if call.known else "ecs")
    try:
        protocol = determine_request_protocol(model, content_type)
        serializer = get_serializer_class(str(model.service_name), protocol)
    except (NotImplementedError, KeyError):  # such as curl's
        serializer = get_serializer_class(str(model.service_name), "json")
    return serializer(OperationModel({}, model))


def _cbor(texts: dict[str, str]) -> bytes:
    """Return a CBOR map of strings, up to 65,535 bytes each; moto does not write this protocol.

    https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
    """
    encoded = [text.encode() for pair in texts.items() for text in pair]
    return bytes([0xA0 + len(texts)]) + b"".join(b"\x79" + len(text).to_bytes(2, "big") + text for text in encoded)
