"""Store a report: in files that only their owner reads, and in the stack's reports bucket."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

TYPES = {".json": "application/json", ".html": "text/html; charset=utf-8"}


def write(path: Path, content: str) -> None:
    """Write a file as a whole or not at all, for its owner alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def put(s3: Any, bucket: str, owner: str, key: str, content: str) -> None:
    """Put an object, encrypted by the bucket's default, only if the bucket belongs to that account.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
    """
    kind = TYPES[Path(key).suffix]
    s3.put_object(Bucket=bucket, Key=key, Body=content.encode(), ContentType=kind, ExpectedBucketOwner=owner)


def described(error: Exception) -> str:
    """Return an error of AWS or of this machine in a few words."""
    if isinstance(error, ClientError):
        answer = error.response.get("Error", {})
        return f"{answer.get('Code')}: {answer.get('Message')}"
    return str(error) if isinstance(error, BotoCoreError | OSError) else f"{type(error).__name__}: {error}"


@dataclass
class Store:
    """Store each file in both places, go on when one of them fails, and list the errors."""

    bucket: str
    put: Callable[[str, str], None]  # key, content
    objects: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    upload_commands: list[str] = field(default_factory=list)  # for what the bucket lacks
    bucket_answers: bool = True

    @contextmanager
    def attempt(self, action: str) -> Iterator[None]:
        """List an error instead of raising it: it must not hide how the run ended, nor keep the lock from release."""
        try:
            yield
        except BotoCoreError as error:
            self.bucket_answers = False  # the next object would wait as long
            self.errors.append(f"Could not {action}: {described(error)}")
        except Exception as error:
            self.errors.append(f"Could not {action}: {described(error)}")

    def add(self, path: Path, key: str, content: str) -> bool:
        """Write the file and put the object; return whether the file was written."""
        written = False
        with self.attempt(f"write {path}"):
            write(path, content)
            written = True
        address = f"s3://{self.bucket}/{key}"
        if self.bucket_answers:
            with self.attempt(f"put {address}"):
                self.put(key, content)
                self.objects.append(address)
                return written
        if written:
            self.upload_commands.append(f"aws s3 cp {path} {address}")
        return written
