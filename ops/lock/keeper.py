"""The lock's keeper: renews the lease while the playbook lives, and releases the lock when that ends, however it ends.

A companion process (ops/process/companion.py). Its configuration: {bucket, key, region, holder_id, lease_seconds}.
Credentials, endpoint and CA come from the environment, as for every AWS client. If the keeper is killed too, the lease
expires. If another holder acquired the lock, the keeper logs that and ends: it never acquires a lock itself.
"""

from __future__ import annotations

import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ops.lock.lease import HeldLock, Lease, LockError, LockLostError
from ops.process.companion import Companion, serve

CHECK_SECONDS = 10.0
RELEASE_SECONDS = 30.0  # of attempts to release the lock; afterwards the lease expires


def keep(companion: Companion) -> None:
    """Renew the lease until the companion is to end, then release the lock."""
    config = companion.config
    lease_seconds = float(config["lease_seconds"])
    pause = lease_seconds / 3
    # A call that hangs must not cost the lease, so none lasts longer than it takes until the next one is due.
    calls = Config(connect_timeout=pause, read_timeout=pause, retries={"mode": "standard", "total_max_attempts": 1})
    lease = Lease(boto3.client("s3", region_name=config["region"], config=calls), config["bucket"], config["key"])
    held = check(companion, lease, min(CHECK_SECONDS, pause))
    companion.ready()
    companion.log(f"keeps the lock for {held.holder.reason}, a lease of {lease_seconds:.0f} s")
    if renew_until_the_end(companion, lease, held, pause):
        release(companion, lease, config["holder_id"])


def check(companion: Companion, lease: Lease, seconds: float) -> HeldLock:
    """Return the lock that is to be renewed; errors of AWS are retried for so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return lease.check(companion.config["holder_id"])
        except (BotoCoreError, ClientError) as error:
            if time.monotonic() > deadline:
                raise
            companion.log(f"could not read the lock, and tries again: {error}")
            time.sleep(0.5)


def renew_until_the_end(companion: Companion, lease: Lease, held: HeldLock, pause: float) -> bool:
    """Renew the lease at each third of it; return True when it is time to end, False when the lock was lost."""
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


def release(companion: Companion, lease: Lease, holder_id: str) -> None:
    """Release the lock; errors of AWS are retried for RELEASE_SECONDS."""
    why = "its playbook has ended" if companion.owner_gone else "it was told to"
    deadline = time.monotonic() + RELEASE_SECONDS
    while True:
        try:
            released = lease.release(holder_id)
            companion.log(f"{'released the lock' if released else 'found the lock lost'}: {why}")
            return
        except (BotoCoreError, ClientError, LockError) as error:
            companion.log(f"could not release the lock: {error}")
        if time.monotonic() > deadline:
            companion.log("gives up: the lease will expire")
            return
        time.sleep(1)


if __name__ == "__main__":
    serve(keep)
