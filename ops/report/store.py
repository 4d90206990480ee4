"""Where evidence is kept: files that only their owner reads, and objects of the stack's reports bucket."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

TYPES = {".json": "application/json", ".html": "text/html; charset=utf-8"}


def write(path: Path, content: str) -> None:
    """Whole or not at all, for its owner alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def put(s3: Any, bucket: str, owner: str, key: str, content: str) -> None:
    """Encrypted as the bucket says, into a bucket of that account and no other's.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
    """
    kind = TYPES[Path(key).suffix]
    s3.put_object(Bucket=bucket, Key=key, Body=content.encode(), ContentType=kind, ExpectedBucketOwner=owner)


def said(error: Exception) -> str:
    """What AWS or this machine answered, in a few words."""
    if isinstance(error, ClientError):
        answer = error.response.get("Error", {})
        return f"{answer.get('Code')}: {answer.get('Message')}"
    return str(error) if isinstance(error, BotoCoreError | OSError) else f"{type(error).__name__}: {error}"
