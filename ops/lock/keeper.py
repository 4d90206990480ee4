"""Keeps a stack's lock: renews its lease while the playbook lives, and frees it when that ends, however it ends.

A companion (see companion.py). Its configuration: {bucket, key, region, holder_id, lease_seconds}. Credentials,
endpoint and CA it has from its environment, as every AWS client. If it dies too, the lease runs out. If the lock was
taken from it, it says so and ends: it never takes a lock back.
"""

from __future__ import annotations

import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ops.lock.lease import Held, Lease, LockError, LockLostError
from ops.process.companion import Companion, serve

CHECK_SECONDS = 10.0
FREE_SECONDS = 30.0  # for as long it tries to free the lock; afterwards the lease does


def keep(companion: Companion) -> None:
    config = companion.config
    lease_seconds = float(config["lease_seconds"])
    pause = lease_seconds / 3
    # A call that hangs must not cost the lease, so none lasts longer than it takes until the next one is due.
    calls = Config(connect_timeout=pause, read_timeout=pause, retries={"mode": "standard", "total_max_attempts": 1})
    lease = Lease(boto3.client("s3", region_name=config["region"], config=calls), config["bucket"], config["key"])
    held = checked(companion, lease, min(CHECK_SECONDS, pause))
    companion.ready()
    companion.log(f"keeps the lock for {held.holder.reason}, a lease of {lease_seconds:.0f} s")
    if renew_until_the_end(companion, lease, held, pause):
        free(companion, lease, config["holder_id"])


def checked(companion: Companion, lease: Lease, seconds: float) -> Held:
    """The lock that is to be kept: one answer that fails must not keep a release from beginning."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return lease.check(companion.config["holder_id"])
        except (BotoCoreError, ClientError) as error:
            if time.monotonic() > deadline:
                raise
            companion.log(f"could not look at the lock, and tries again: {error}")
            time.sleep(0.5)


def renew_until_the_end(companion: Companion, lease: Lease, held: Held, pause: float) -> bool:
    """Renew again and again; True when it is time to end, False when the lock was lost."""
    next_pause = pause
    while not companion.wait(next_pause):
        try:
            held = lease.renew(held)
            next_pause = pause
        except LockLostError as error:
            companion.log(f"lost the lock: {error}")
            return False
        except (BotoCoreError, ClientError, LockError) as error:
            next_pause = pause / 5  # soon again: two thirds of the lease are left
            companion.log(f"could not renew, and tries again: {error}")
    return True


def free(companion: Companion, lease: Lease, holder_id: str) -> None:
    why = "its playbook has ended" if companion.owner_gone else "it was told to"
    deadline = time.monotonic() + FREE_SECONDS
    while True:
        try:
            freed = lease.free(holder_id)
            companion.log(f"{'freed the lock' if freed else 'found the lock lost'}: {why}")
            return
        except (BotoCoreError, ClientError, LockError) as error:
            companion.log(f"could not free the lock: {error}")
        if time.monotonic() > deadline:
            companion.log("gives up: the lease will run out")
            return
        time.sleep(1)


if __name__ == "__main__":
    serve(keep)
