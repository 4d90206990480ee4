"""Events of AWS services: delivered to the rules of the default event bus, and logged.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

from moto.events.models import events_backends

from sandbox.services.ecs.records.tasks import Document

log = logging.getLogger("sandbox.events")


def emit(account: str, region: str, *, source: str, detail_type: str, resources: list[str], detail: Document) -> None:
    """Send an event. A target that is not emulated is logged: AWS's senders don't learn of it either."""
    text = json.dumps(detail, default=_moment)
    log.info("%s %s %s", source, detail_type, text)
    event: dict[str, Any] = {"Source": source, "DetailType": detail_type, "Detail": text, "Resources": resources}
    try:
        events_backends[account][region].put_events([event])
    except NotImplementedError:
        log.warning("an EventBridge rule has a target that is not emulated: %s was not delivered to it", detail_type)


def moment(value: datetime) -> str:
    """Return a time as events write it."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _moment(value: object) -> str:
    if isinstance(value, datetime):
        return moment(value)
    raise TypeError(f"{value!r} can't be part of an event")
