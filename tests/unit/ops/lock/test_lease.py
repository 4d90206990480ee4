"""The lock's lease, against the API: one winner, expiry by AWS's clock, force recorded, loss noticed."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops.lock.lease import (
    ATTEMPTS,
    KEY,
    HeldLock,
    Holder,
    Lease,
    LockError,
    LockHeldError,
    LockLostError,
    NoBucketError,
    NotALockError,
)
from tests.support.sandbox.api_only import LocalApi, serving
from tests.support.waiting import HANGS_SECONDS, until


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalApi]:
    with serving(tmp_path_factory.mktemp("lease") / "api") as running:
        yield running


@pytest.fixture
def s3(api: LocalApi) -> Any:
    return api.client("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"locks-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


@pytest.fixture
def lease(s3: Any, bucket: str) -> Lease:
    return Lease(s3, bucket)


def holder(owner: str = "ada", seconds: int = 60) -> Holder:
    return Holder(owner=owner, reason=f"{owner}'s release", run=f"run of {owner}", lease_seconds=seconds)


def test_a_lock_is_acquired_renewed_and_released(lease: Lease) -> None:
    held = lease.acquire(holder())
    seen = lease.get()
    assert seen and seen.holder == held.holder and seen.etag == held.etag
    assert not seen.expired and datetime.fromisoformat(seen.holder.since) <= seen.now
    renewed = lease.renew(held)
    assert renewed.etag != held.etag, "with the same ETag, who saw the lock run out would overwrite the renewed one"
    assert lease.check(held.holder.token).holder.renewals == 1
    assert lease.release(held.holder.token)
    assert lease.get() is None
    assert not lease.release(held.holder.token)
    lease.acquire(holder("bob"))  # the delete marker counts as absent


def test_who_comes_second_is_told_who_holds_it(lease: Lease) -> None:
    first = lease.acquire(holder())
    with pytest.raises(LockHeldError) as refusal:
        lease.acquire(holder("bob"))
    for part in ("ada", first.holder.since, "ada's release", "run of ada", "lasts until 20"):
        assert part in str(refusal.value)
    assert lease.check(first.holder.token)


def test_of_many_at_once_exactly_one_wins(api: LocalApi, s3: Any, lease: Lease, bucket: str) -> None:
    everybody = threading.Barrier(8, timeout=HANGS_SECONDS)
    outcomes: list[str | None] = []

    def come(name: str) -> None:
        mine = Lease(api.client("s3"), bucket)
        mine.get()  # connects
        everybody.wait()
        try:
            outcomes.append(mine.acquire(holder(name)).holder.owner)
        except LockHeldError:
            outcomes.append(None)

    threads = [threading.Thread(target=come, args=(f"taker {n}",), daemon=True) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 8
    (winner,) = [one for one in outcomes if one]
    held = lease.get()
    assert held and held.holder.owner == winner


class Afterwards:
    """A client whose read is followed by somebody else's write: the moment between read and write."""

    def __init__(self, s3: Any, write: Any) -> None:
        self._s3, self._write = s3, write

    def get_object(self, **request: Any) -> Any:
        try:
            return self._s3.get_object(**request)
        finally:
            write, self._write = self._write, lambda: None
            write()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._s3, name)


def test_a_lock_taken_between_read_and_write_is_not_overwritten(s3: Any, lease: Lease, bucket: str) -> None:
    other = Lease(Afterwards(s3, lambda: lease.acquire(holder())), bucket)
    with pytest.raises(LockHeldError):
        other.acquire(holder("bob"))


def test_a_lease_renewed_between_read_and_write_is_not_taken_over(s3: Any, lease: Lease, bucket: str) -> None:
    held = lease.acquire(holder(seconds=2))
    run_out(lease)
    longer = replace(held, holder=replace(held.holder, lease_seconds=600))  # the second read must find it too
    other = Lease(Afterwards(s3, lambda: lease.renew(longer)), bucket)
    with pytest.raises(LockHeldError):
        other.acquire(holder("bob"))


def run_out(lease: Lease) -> None:
    def over() -> bool:
        held = lease.get()
        assert held
        return held.expired

    until(over)


def test_a_lease_that_ran_out_is_taken_over_and_its_holder_notices(lease: Lease) -> None:
    late = lease.acquire(holder(seconds=1))
    run_out(lease)
    taken = lease.acquire(holder("bob"))
    assert taken.holder.previous and taken.holder.previous["owner"] == "ada"
    assert "ran out at" in taken.holder.previous["replaced_because"]
    with pytest.raises(LockLostError, match=r"taken by bob at 20\S+ for bob's release, because its lease ran out"):
        lease.renew(late)
    assert not lease.release(late.holder.token)
    assert lease.check(taken.holder.token)


def test_a_lease_that_ran_out_and_nobody_took_is_renewed(lease: Lease) -> None:
    held = lease.acquire(holder(seconds=1))
    run_out(lease)
    assert not lease.renew(held).expired


@pytest.mark.parametrize(("age", "expired"), [(60, False), (61, True)])
def test_expiry_is_a_matter_between_two_times_of_aws(age: int, expired: bool) -> None:
    """Neither is this machine's, which may be years off."""
    then = datetime.fromisoformat("1999-12-31T23:59:00+00:00")
    assert HeldLock(holder(), "etag", renewed=then, now=then + timedelta(seconds=age)).expired is expired


def test_a_forced_acquisition_is_recorded_and_told_to_the_one_who_lost(lease: Lease) -> None:
    lost = lease.acquire(holder())
    lease.acquire(holder("bob"), force_reason="ada's machine burns")
    held = lease.get()
    assert held and held.holder.previous == {
        "owner": "ada", "run": "run of ada", "since": lost.holder.since, "replaced_because": "ada's machine burns",
    }  # fmt: skip
    because = r"taken by bob at .* because ada's machine burns"
    with pytest.raises(LockLostError, match=because):
        lease.renew(lost)
    with pytest.raises(LockLostError, match=because):
        lease.check(lost.holder.token)


def test_a_lock_that_was_removed_is_lost(lease: Lease) -> None:
    held = lease.acquire(holder())
    lease.release(held.holder.token)
    with pytest.raises(LockLostError, match="removed"):
        lease.renew(held)
    assert lease.get() is None, "a lost lock is not taken back"


def test_a_write_whose_answer_was_lost_is_known_again(lease: Lease) -> None:
    """boto3 sends it again, and that one is refused: the ETag is not what it was."""
    mine = holder()
    held = lease.acquire(mine)
    assert lease.acquire(mine).etag == held.etag
    lease.renew(held)
    assert lease.renew(held).holder.renewals == 2


def test_without_a_bucket_there_is_no_lock(api: LocalApi) -> None:
    with pytest.raises(NoBucketError, match="no bucket nowhere-at-all"):
        Lease(api.client("s3"), "nowhere-at-all").acquire(holder())


@pytest.mark.parametrize("body", [b"", b"[]", json.dumps({"owner": "x"}).encode()], ids=["empty", "list", "part"])
def test_what_is_no_lock_is_neither_taken_for_one_nor_for_none(s3: Any, lease: Lease, bucket: str, body: bytes) -> None:
    s3.put_object(Bucket=bucket, Key=KEY, Body=body)
    with pytest.raises(NotALockError, match="remove it by hand"):
        lease.acquire(holder(), force_reason="whatever")


def test_what_is_written_is_what_is_read() -> None:
    there = replace(holder(), since="2026-11-25T11:30:00Z", previous={"owner": "eve"})
    assert Holder.read(there.body()) == there


class Conflicting:
    """A bucket without a lock in which every write conflicts with another one."""

    def __init__(self) -> None:
        self.writes = 0

    def get_object(self, **_: Any) -> Any:
        metadata = {"HTTPHeaders": {"date": "Wed, 25 Nov 2026 11:30:00 GMT"}}
        raise ClientError({"Error": {"Code": "NoSuchKey"}, "ResponseMetadata": metadata}, "GetObject")

    def put_object(self, **request: Any) -> Any:
        assert request["IfNoneMatch"] == "*"
        self.writes += 1
        raise ClientError({"Error": {"Code": "ConditionalRequestConflict"}}, "PutObject")


def test_a_write_that_always_conflicts_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    s3 = Conflicting()
    with pytest.raises(LockError, match="Try once more"):
        Lease(s3, "bucket").acquire(holder())
    assert s3.writes == ATTEMPTS == 8
