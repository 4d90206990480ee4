"""The audit log: a small JSON a release in the reports bucket, put before anything changes and again at the end.

Keys are audit-log/<run>.json, and a run begins with its moment in UTC, so keys sort by time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ops.aws.errors import unless_missing
from ops.report.facts import Facts
from ops.report.values import iso

PREFIX = "audit-log/"
SHOWN = 10
# Days to look back, one after the other, until enough is found; None is the beginning.
WINDOWS = (7, 90, None)


def key_of(run: str) -> str:
    return f"{PREFIX}{run}.json"


def entry(facts: Facts, requests: int = 0, failed: int = 0) -> dict[str, Any]:
    return {
        "run": facts.run,
        "release": facts.release,
        "digest": facts.digest,
        "task_definition": facts.task_definition,
        "previous_release": facts.previous_release,
        "previous_task_definition": facts.previous_task_definition,
        "operator": facts.operator,
        "change_reason": facts.change_reason,
        "started": iso(facts.started),
        "finished": iso(facts.finished),
        "outcome": facts.outcome,
        "failure_reason": facts.failure_reason,
        "schema": {"before": facts.schema_before, "after": facts.schema_after},
        "requests": requests,
        "failed": failed,
        "not_measured": facts.not_measured,
        "breaking_migrations": facts.breaking_migrations,
    }


def newest_keys(s3: Any, bucket: str, owner: str, now: datetime, count: int = SHOWN) -> list[str] | None:
    """Return the keys of the newest entries, newest first; None without a bucket.

    S3 lists in ascending order only, so the newest come last, after all of a stack's years. StartAfter skips the
    years: where releases are frequent one short page is all, and only where they are rare does it look back further.
    This machine's clock decides where to begin, never what is found.
    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
    """
    keys: list[str] = []
    for days in WINDOWS:
        after = f"{PREFIX}{now - timedelta(days=days):%Y%m%d}" if days else PREFIX
        found = listed(s3, bucket, owner, after)
        if found is None:
            return None
        keys = found
        if len(keys) >= count:
            break
    return keys[-count:][::-1]


def listed(s3: Any, bucket: str, owner: str, after: str) -> list[str] | None:
    """Return all keys after that one, in S3's order; None without a bucket.

    A bucket's name is anybody's to take, so its owner is compared.
    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
    """
    keys: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = unless_missing(
            "NoSuchBucket",
            s3.list_objects_v2,
            Bucket=bucket,
            Prefix=PREFIX,
            StartAfter=after,
            ExpectedBucketOwner=owner,
            **token,
        )
        if page is None:
            return None
        keys += [item["Key"] for item in page.get("Contents", [])]
        if not page.get("IsTruncated"):
            return keys
        token = {"ContinuationToken": page["NextContinuationToken"]}


def latest(s3: Any, bucket: str, owner: str) -> list[dict[str, Any]]:
    """Return the newest entries, newest first; empty where there is no bucket or nothing was ever released."""
    keys = newest_keys(s3, bucket, owner, datetime.now(UTC)) or []
    bodies = (
        unless_missing("NoSuchKey", s3.get_object, Bucket=bucket, Key=key, ExpectedBucketOwner=owner) for key in keys
    )
    return [readable(key, body["Body"].read()) for key, body in zip(keys, bodies, strict=True) if body]


def readable(key: str, body: bytes) -> dict[str, Any]:
    """Return an entry with every key that readers rely on, whatever somebody put into the bucket."""
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    said = found if isinstance(found, Mapping) else {"outcome": "unreadable"}
    blank: dict[str, Any] = {
        "run": key.removeprefix(PREFIX).removesuffix(".json"),
        "release": "",
        "operator": "",
        "started": None,
        "finished": None,
        "outcome": "",
        "failure_reason": "",
        "requests": 0,
        "failed": 0,
        "not_measured": "",
        "breaking_migrations": [],
    }
    return {**blank, **said}
