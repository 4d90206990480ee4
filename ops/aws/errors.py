"""Errors of AWS: shown as the failure of a module, or taken as "there is none"."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ops.aws.redaction import redact
from ops.stack.ownership import AmbiguousError


@contextmanager
def failing_with(module: Any, what: str) -> Iterator[None]:
    """Fail the module on an AWS error, with what could not be done, AWS's error code and its message."""
    try:
        yield
    except AmbiguousError as error:
        module.fail_json(msg=str(error))
    except ClientError as error:
        answer = error.response.get("Error", {})
        said = redact(f"{answer.get('Code')}: {answer.get('Message')}")  # AWS quotes what it does not like
        module.fail_json(msg=f"{what}: {said} ({error.operation_name})", exception=redact(traceback.format_exc()))
    except BotoCoreError as error:
        module.fail_json(msg=f"{what}: {redact(str(error))}", exception=redact(traceback.format_exc()))


def unless_missing(codes: str | Iterable[str], call: Callable[..., Any], **request: Any) -> Any:
    """Return the answer of an AWS call, or None when AWS answers with one of these error codes."""
    try:
        return call(**request)
    except ClientError as error:
        if error.response["Error"]["Code"] in ({codes} if isinstance(codes, str) else set(codes)):
            return None
        raise
