"""Faults on the side of AWS: throttled calls, and errors inside the service.

A call with a fault is not carried out. SDKs retry these codes and statuses:
https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
"""

from __future__ import annotations

import random
import threading
from collections import Counter

from moto.core.utils import get_service_model

from sandbox.aws_api import errors
from sandbox.aws_api.calls import Call
from sandbox.aws_api.errors import Answer
from sandbox.faults import Faults

#: https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
#: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
THROTTLED = {"ec2": ("RequestLimitExceeded", 503), "s3": ("SlowDown", 503)}
#: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
#: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
BROKEN = {"ec2": ("InternalError", "Unavailable"), "s3": ("InternalError", "ServiceUnavailable")}
BROKEN_ELSEWHERE = ("InternalFailure", "ServiceUnavailable")
#: so that nobody who reads it looks for the cause elsewhere
ADDED = "(This sandbox was started with --faults.)"


class FaultInjection:
    """Decide which calls fail, by seed, operation and its number of calls; never by time or thread."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()

    def answer(self, call: Call, content_type: str) -> Answer | None:
        """Return the error for this call, or None if the call is to be carried out."""
        with self._lock:
            self._counts[call.service, call.operation] += 1
            count = self._counts[call.service, call.operation]
        drawn = random.Random(f"{self._faults.seed} {call.service} {call.operation} {count}").random() * 100
        if drawn < self._faults.throttle:
            return throttled(call, content_type)
        if drawn < self._faults.throttle + self._faults.error:
            return broken(call, content_type, unavailable=count % 2 == 0)
        return None


def throttled(call: Call, content_type: str) -> Answer:
    """Return the service's error for too many calls."""
    code, status = THROTTLED.get(call.service, ("ThrottlingException" if _json(call) else "Throttling", 400))
    return errors.error(call, content_type, code, f"Rate exceeded {ADDED}", status)


def broken(call: Call, content_type: str, *, unavailable: bool) -> Answer:
    """Return the service's 500, or its 503 if it is unavailable.

    https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
    """
    code = BROKEN.get(call.service, BROKEN_ELSEWHERE)[unavailable]
    text = f"The request processing has failed because of an unknown error. {ADDED}"
    return errors.error(call, content_type, code, text, 503 if unavailable else 500)


def _json(call: Call) -> bool:
    return call.known and "json" in str(get_service_model(call.service).protocol)
