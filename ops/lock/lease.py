"""The deployment lock of a stack: an object in S3 that is written by conditional requests, with a lease to renew.

S3 decides who holds it: a write succeeds only if the object is absent (If-None-Match) or unchanged since it was read
(If-Match), and so does a deletion. Both work in versioned buckets: a deletion leaves a delete marker, which counts as
absent, and every holder stays readable as an older version. A conditional deletion needs s3:GetObject besides
s3:DeleteObject, and reading an absent lock needs s3:ListBucket, else S3 answers 403.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html

Whether a lease has expired is decided by AWS's clock alone: Last-Modified of the object against Date of the answer.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from botocore.exceptions import ClientError

T = TypeVar("T")

KEY = "locks/stack.json"
MOMENT = "%Y-%m-%dT%H:%M:%SZ"
ATTEMPTS = 8  # of a write that conflicts with others at the same moment
ABSENT = {"NoSuchKey"}
CONFLICTS = {"PreconditionFailed", "ConditionalRequestConflict", *ABSENT}


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock, and for what.

    token: known to this holder only. renewals: gives every renewal another content, and so another ETag.
    previous: owner, run and since of the holder from whom it was acquired, with replaced_because; None if it was free.
    """

    owner: str
    reason: str
    run: str
    lease_seconds: int
    since: str = ""
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    renewals: int = 0
    previous: dict[str, str] | None = None

    @classmethod
    def read(cls, body: bytes) -> Holder:
        """Return the holder that an object names. Raises NotALockError."""
        try:
            known = json.loads(body)
            return cls(**{name: known[name] for name in cls.__dataclass_fields__})
        except (ValueError, LookupError, TypeError) as error:
            raise NotALockError(
                f"what stands there is no lock ({type(error).__name__}: {error}). Look at it, then remove it by hand"
            ) from None

    def body(self) -> bytes:
        """Return the object's content."""
        return json.dumps(asdict(self), indent=1).encode()

    def summary(self) -> str:
        """Return who holds it, since when and for what."""
        return f"{self.owner} since {self.since} for {self.reason} (run {self.run or 'unnamed'})"

    def origin(self) -> str:
        """Return how this holder acquired the lock, for the message to the one who lost it."""
        how = f"was taken by {self.owner} at {self.since} for {self.reason}"
        return f"{how}, because {self.previous['replaced_because']}" if self.previous else how


@dataclass(frozen=True, slots=True)
class HeldLock:
    """The lock as S3 returned it: its holder, its ETag, when it was renewed, and the time of the answer."""

    holder: Holder
    etag: str
    renewed: datetime
    now: datetime

    @property
    def expires(self) -> datetime:
        """Return when the lease ends unless it is renewed."""
        return self.renewed + timedelta(seconds=self.holder.lease_seconds)

    @property
    def expired(self) -> bool:
        """Return whether the lease's last second is over: both times come in whole seconds."""
        return self.now > self.expires

    def summary(self) -> str:
        """Return who holds it, and until when."""
        return f"{self.holder.summary()}. Its lease lasts until {self.expires.strftime(MOMENT)} unless it is renewed"


class LockError(Exception):
    """The lock can't be used; the message continues "The lock ...: "."""


class LockHeldError(LockError):
    """Somebody else holds the lock, and its lease has not expired."""

    def __init__(self, held: HeldLock) -> None:
        super().__init__(f"it is held by {held.summary()}")
        self.held = held


class LockLostError(LockError):
    """The lock is no longer held with this token."""

    def __init__(self, held: HeldLock | None) -> None:
        super().__init__(f"it {held.holder.origin()}" if held else "it was removed: by a runbook, or by hand")
        self.held = held


class NoBucketError(LockError):
    """The bucket of the lock does not exist."""


class NotALockError(LockError):
    """The object is no lock of ours."""


class _ConflictError(LockError):
    """Somebody else wrote between our read and our write."""


class Lease:
    """The lock in one object. None of its methods waits for another holder."""

    def __init__(self, s3: Any, bucket: str, key: str = KEY) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._key = key

    def get(self) -> HeldLock | None:
        """Return the lock; None if nobody holds it."""
        return self._get()[0]

    def acquire(self, desired: Holder, force_reason: str = "") -> HeldLock:
        """Acquire the lock for `desired`; from another holder if the lease has expired, or with a force_reason.

        Raises LockHeldError. Why another holder was replaced is recorded in the lock.
        """
        return self._retry(lambda: self._acquire(desired, force_reason))

    def _acquire(self, desired: Holder, force_reason: str) -> HeldLock:
        held, now = self._get()
        desired = replace(desired, since=now.strftime(MOMENT))
        if held is None:
            return self._write(desired, now, IfNoneMatch="*")
        if held.holder.token == desired.token:  # the answer to our own write was lost on its way
            return held
        if not (held.expired or force_reason):
            raise LockHeldError(held)
        because = f"its lease ran out at {held.expires.strftime(MOMENT)}" if held.expired else force_reason
        last = held.holder
        previous = {"owner": last.owner, "run": last.run, "since": last.since, "replaced_because": because}
        return self._write(replace(desired, previous=previous), now, IfMatch=held.etag)

    def renew(self, held: HeldLock) -> HeldLock:
        """Renew the lease. Raises LockLostError if somebody else holds the lock by now, or nobody."""

        def attempt() -> HeldLock:
            try:
                # another holder would have changed the ETag; unchanged, the lock is ours, expired or not
                return self._write(_renewed(held.holder), held.now, IfMatch=held.etag)
            except _ConflictError:
                mine = self.check(held.holder.token)
                return self._write(_renewed(mine.holder), mine.now, IfMatch=mine.etag)

        return self._retry(attempt)

    def check(self, token: str) -> HeldLock:
        """Return the lock if it is held with this token. Raises LockLostError otherwise."""
        held = self.get()
        if held is None or held.holder.token != token:
            raise LockLostError(held)
        return held

    def release(self, token: str) -> bool:
        """Release the lock; return False if it was no longer held with this token."""

        def attempt() -> bool:
            held = self.get()
            if held is None or held.holder.token != token:
                return False
            _conditionally(self._s3.delete_object, Bucket=self._bucket, Key=self._key, IfMatch=held.etag)
            return True

        return self._retry(attempt)

    def _retry(self, attempt: Callable[[], T]) -> T:
        for _ in range(ATTEMPTS - 1):
            try:
                return attempt()
            except _ConflictError:
                time.sleep(0.1)
        try:
            return attempt()
        except _ConflictError:
            raise LockError("others write it at the same moment, again and again. Try once more") from None

    def _get(self) -> tuple[HeldLock | None, datetime]:
        """Return the lock, or None, and the time of AWS's answer."""
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=self._key)
        except ClientError as error:
            if _code(error) == "NoSuchBucket":
                raise NoBucketError(f"there is no bucket {self._bucket}") from None
            if _code(error) in ABSENT:
                return None, _date(error.response)
            raise
        now = _date(answer)
        holder = Holder.read(answer["Body"].read())
        return HeldLock(holder, answer["ETag"], answer["LastModified"], now), now

    def _write(self, holder: Holder, now: datetime, **condition: str) -> HeldLock:
        answer = _conditionally(
            self._s3.put_object,
            Bucket=self._bucket,
            Key=self._key,
            Body=holder.body(),
            ContentType="application/json",
            **condition,
        )
        at = _date(answer)
        return HeldLock(holder, answer["ETag"], at, max(at, now))


def _renewed(holder: Holder) -> Holder:
    return replace(holder, renewals=holder.renewals + 1)


def _conditionally(call: Callable[..., Any], **request: Any) -> Any:
    try:
        return call(**request)
    except ClientError as error:
        if _code(error) in CONFLICTS:
            raise _ConflictError from error
        raise


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code"))


def _date(answer: Any) -> datetime:
    return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).astimezone(UTC)
