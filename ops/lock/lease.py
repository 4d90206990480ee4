"""The lock on a stack: one object in S3, written only under conditions, with a lease that its holder renews.

S3 decides who holds it: a write succeeds only if the object is absent (If-None-Match) or still the one that was looked
at (If-Match), and a removal likewise. Both work in versioned buckets, where a removal leaves a delete marker that is as
good as absent, and every holder stays readable as an older version. Removing under a condition needs s3:GetObject
besides s3:DeleteObject, and a look at an absent lock needs s3:ListBucket, else S3 answers 403.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html

Whether a lease has run out is judged by AWS's clock alone: Last-Modified of the object against Date of the answer.
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
ATTEMPTS = 8  # writes that lost to another one at the same moment
ABSENT = {"NoSuchKey"}
OVERTAKEN = {"PreconditionFailed", "ConditionalRequestConflict", *ABSENT}


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock, for what.

    token: what only this holder knows itself by. renewals: makes every renewal another content, and so another ETag,
    where S3's ETag is that of the content. before: from whom it was taken, if from somebody.
    """

    owner: str
    reason: str
    run: str
    lease_seconds: int
    since: str = ""
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    renewals: int = 0
    before: dict[str, str] | None = None

    @classmethod
    def read(cls, body: bytes) -> Holder:
        try:
            known = json.loads(body)
            return cls(**{name: known[name] for name in cls.__dataclass_fields__})
        except (ValueError, LookupError, TypeError) as error:
            raise NotALockError(
                f"what stands there is no lock ({type(error).__name__}: {error}). Look at it, then remove it by hand"
            ) from None

    def body(self) -> bytes:
        return json.dumps(asdict(self), indent=1).encode()

    def words(self) -> str:
        return f"{self.owner} since {self.since} for {self.reason} (run {self.run or 'unnamed'})"

    def account(self) -> str:
        """How the lock came to this holder: part of what its loser is told."""
        how = f"was taken by {self.owner} at {self.since} for {self.reason}"
        return f"{how}, because {self.before['why']}" if self.before else how


@dataclass(frozen=True, slots=True)
class Held:
    """The lock as it was seen: its holder, its ETag, when it was renewed, and AWS's time then."""

    holder: Holder
    etag: str
    renewed: datetime
    now: datetime

    @property
    def expires(self) -> datetime:
        return self.renewed + timedelta(seconds=self.holder.lease_seconds)

    @property
    def expired(self) -> bool:
        """Past its last second: both times come in whole ones."""
        return self.now > self.expires

    def words(self) -> str:
        return f"{self.holder.words()}. Its lease lasts until {self.expires.strftime(MOMENT)} unless it is renewed"


class LockError(Exception):
    """Why the lock can't be had; the message goes on after "The lock ...: "."""


class LockHeldError(LockError):
    """Somebody else holds the lock, and its lease has not run out."""

    def __init__(self, held: Held) -> None:
        super().__init__(f"it is held by {held.words()}")
        self.held = held


class LockLostError(LockError):
    """The lock is not ours any more."""

    def __init__(self, held: Held | None) -> None:
        super().__init__(f"it {held.holder.account()}" if held else "it was removed: by a runbook, or by hand")
        self.held = held


class NoBucketError(LockError):
    """The bucket in which the lock would stand is not there."""


class NotALockError(LockError):
    """What stands in the lock's place was not written by us."""


class _OvertakenError(LockError):
    """Somebody else wrote between our look and our write."""


class Lease:
    """The lock at one place. None of its methods waits for another holder."""

    def __init__(self, s3: Any, bucket: str, key: str = KEY) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._key = key

    def look(self) -> Held | None:
        return self._look()[0]

    def take(self, desired: Holder, steal: str = "") -> Held:
        """Hold the lock for `desired`; from another holder if its lease ran out, or with a reason to steal it.

        Raises LockHeldError. Both a thief's reason and a lease that ran out are recorded in the lock.
        """
        return self._again(lambda: self._take(desired, steal))

    def _take(self, desired: Holder, steal: str) -> Held:
        held, now = self._look()
        desired = replace(desired, since=now.strftime(MOMENT))
        if held is None:
            return self._write(desired, now, IfNoneMatch="*")
        if held.holder.token == desired.token:  # the answer to our own write was lost on its way
            return held
        if not (held.expired or steal):
            raise LockHeldError(held)
        why = f"its lease ran out at {held.expires.strftime(MOMENT)}" if held.expired else steal
        before = {"owner": held.holder.owner, "run": held.holder.run, "since": held.holder.since, "why": why}
        return self._write(replace(desired, before=before), now, IfMatch=held.etag)

    def renew(self, held: Held) -> Held:
        """Begin the lease anew. Raises LockLostError if the lock is another's by now, or nobody's."""

        def attempt() -> Held:
            try:
                # whoever took it meanwhile changed the ETag; as long as nobody did, it is ours, run out or not
                return self._write(_renewed(held.holder), held.now, IfMatch=held.etag)
            except _OvertakenError:
                mine = self.check(held.holder.token)
                return self._write(_renewed(mine.holder), mine.now, IfMatch=mine.etag)

        return self._again(attempt)

    def check(self, token: str) -> Held:
        """The lock, if the one with this token holds it; raises LockLostError otherwise."""
        held = self.look()
        if held is None or held.holder.token != token:
            raise LockLostError(held)
        return held

    def free(self, token: str) -> bool:
        """Let go of the lock; False if it wasn't ours any more."""

        def attempt() -> bool:
            held = self.look()
            if held is None or held.holder.token != token:
                return False
            _conditionally(self._s3.delete_object, Bucket=self._bucket, Key=self._key, IfMatch=held.etag)
            return True

        return self._again(attempt)

    def _again(self, attempt: Callable[[], T]) -> T:
        for _ in range(ATTEMPTS - 1):
            try:
                return attempt()
            except _OvertakenError:
                time.sleep(0.1)
        try:
            return attempt()
        except _OvertakenError:
            raise LockError("others write it at the same moment, again and again. Try once more") from None

    def _look(self) -> tuple[Held | None, datetime]:
        """The lock if there is one, and what time AWS says it is."""
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
        return Held(holder, answer["ETag"], answer["LastModified"], now), now

    def _write(self, holder: Holder, now: datetime, **condition: str) -> Held:
        answer = _conditionally(
            self._s3.put_object,
            Bucket=self._bucket,
            Key=self._key,
            Body=holder.body(),
            ContentType="application/json",
            **condition,
        )
        at = _date(answer)
        return Held(holder, answer["ETag"], at, max(at, now))


def _renewed(holder: Holder) -> Holder:
    return replace(holder, renewals=holder.renewals + 1)


def _conditionally(call: Callable[..., Any], **request: Any) -> Any:
    try:
        return call(**request)
    except ClientError as error:
        if _code(error) in OVERTAKEN:
            raise _OvertakenError from error
        raise


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code"))


def _date(answer: Any) -> datetime:
    return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).astimezone(UTC)
