#!/usr/bin/python
"""Own module because no module of the collections writes to S3 under conditions, which is what makes an object a lock."""

from __future__ import annotations

DOCUMENTATION = r"""
module: deployment_lock
short_description: The deployment lock of a stack
description:
  - Acquires, checks, releases, shows or force-unlocks the deployment lock, an object in S3 that is written conditionally.
  - Its action plugin starts a keeper that renews the lease while the playbook lives, and releases the lock at its end.
  - Never returns changed, since a lock is no part of the stack. Check mode refuses where a run would, and writes nothing.
options:
  bucket: {description: Bucket that holds the lock, type: str, required: true}
  key: {description: Key of the lock's object, type: str, default: locks/stack.json}
  state:
    description:
      - C(acquired) acquires the lock. C(checked) fails unless it is held with I(holder_id).
      - C(released) releases it. C(shown) returns its holder. C(force_unlocked) removes it, whoever holds it.
    type: str
    choices: [acquired, checked, released, shown, force_unlocked]
    default: acquired
  owner: {description: Who acquires or force-unlocks it; user and machine are added, type: str, default: ""}
  reason: {description: "For what it is acquired, or why it is force-unlocked", type: str, default: ""}
  run: {description: Name of the run for which it is acquired, type: str, default: ""}
  lease_seconds: {description: Seconds after which it is free unless it is renewed, type: int, default: 60}
  force_reason: {description: Why it is acquired although another holder has it, type: str, default: ""}
  holder_id: {description: "For C(checked) and C(released): what C(acquired) returned. Empty if nothing was acquired", type: str, default: ""}
  keeper: {description: "For C(released): process id of the keeper, as C(acquired) returned it", type: int, default: 0}
  log: {description: "For C(acquired): log file of the keeper; lock.log in Ansible's home if empty", type: str, default: ""}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Acquire the deployment lock
  deployment_lock:
    bucket: campshub360-tier1-123456789012-reports
    owner: arn:aws:iam::123456789012:user/ada
    reason: release 1.0.0
    log: reports/deploy/20261125T113000Z-1.0.0/lock.log
  register: acquired

- name: Release the deployment lock
  deployment_lock:
    bucket: campshub360-tier1-123456789012-reports
    state: released
    holder_id: "{{ acquired.holder_id }}"
    keeper: "{{ acquired.keeper }}"
"""

RETURN = r"""
holder_id: {description: Token of its holder; empty if nothing was acquired, type: str, returned: success}
holder: {description: "Its holder: owner, reason, run, since, lease_seconds, previous", type: dict, returned: when it is held}
message: {description: The same as a sentence, type: str, returned: success}
keeper: {description: Process id of the keeper, type: int, returned: when it was acquired}
"""

import getpass
import platform
from dataclasses import asdict
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.errors import failing_with
from ops.lock.lease import HeldLock, Holder, Lease, LockError, LockHeldError, LockLostError, NoBucketError

CURES = (
    "Nothing was touched. Wait until it is free; or take it with a reason that is recorded, -e 'lock_force_reason=\"why\"'; or, when "
    "whoever holds it is gone for good, remove it with playbooks/runbook_force_unlock.yml."
)


def result_of(held: HeldLock | None) -> dict[str, Any]:
    """Return a lock as the module's result."""
    if held is None:
        return {"message": "Nobody holds it."}
    known = asdict(held.holder)
    del known["token"]
    ended = " It has run out: the next to come acquires the lock." if held.expired else ""
    return {"holder": known, "message": f"It is held by {held.summary()}.{ended}"}


def explanation(error: LockError, name: str) -> str:
    """Return what failed, why, and the cure."""
    match error:
        case NoBucketError():
            return f"There is no place for the lock {name}: {error}. Nothing was touched. Run provision.yml first."
        case LockHeldError():
            return f"The lock {name} can't be acquired: {error}. {CURES}"
        case LockLostError():
            return (
                f"The lock {name} is not ours any more: {error}. What was begun may be half done, and another may be at "
                "work: look at playbooks/status.yml before anything else is started."
            )
    return f"The lock {name} can't be used: {error}."


class StackLock:
    """The lock as the module's options name it; each state is a method that returns the result."""

    def __init__(self, module: AnsibleAWSModule) -> None:
        self.module = module
        self.params: dict[str, Any] = module.params
        self.lease = Lease(module.client("s3"), self.params["bucket"], self.params["key"])

    def desired(self) -> Holder:
        person = f"{getpass.getuser()}@{platform.node()}"
        return Holder(
            owner=f"{self.params['owner']} ({person})" if self.params["owner"] else person,
            reason=self.params["reason"],
            run=self.params["run"],
            lease_seconds=self.params["lease_seconds"],
        )

    def acquired(self) -> dict[str, Any]:
        if not self.module.check_mode:
            held = self.lease.acquire(self.desired(), self.params["force_reason"])
            if last := held.holder.previous:
                self.module.warn(f"The lock was acquired from {last['owner']}: {last['replaced_because']}.")
            return {"holder_id": held.holder.token, **result_of(held)}
        present = self.lease.get()
        if present and not (present.expired or self.params["force_reason"]):
            raise LockHeldError(present)
        return result_of(present)

    def checked(self) -> dict[str, Any]:
        mine = self.params["holder_id"]
        if not mine and not self.module.check_mode:
            self.module.fail_json(msg="No lock was taken, so none can be ours. Take it first: the role lock, main.")
        return result_of(self.lease.check(mine) if mine else self.lease.get())

    def released(self) -> dict[str, Any]:
        mine = self.params["holder_id"]
        if mine and not self.module.check_mode:
            self.lease.release(mine)
        held = self.lease.get() if mine else None
        if held and not self.module.check_mode:
            self.module.warn(f"The lock is another's: it {held.holder.origin()}.")
        return result_of(held)

    def shown(self) -> dict[str, Any]:
        return result_of(self.lease.get())

    def force_unlocked(self) -> dict[str, Any]:
        """Acquire it, so that a version of the object records who force-unlocked it and why; then release it."""
        held = self.lease.get()
        if held is None:
            return {"message": "There is nothing to unlock: nobody holds the lock."}
        result = result_of(held)
        if self.module.check_mode:
            return result | {"message": f"It would be gone. {result['message']}"}
        mine = self.lease.acquire(self.desired(), self.params["reason"])
        self.lease.release(mine.holder.token)
        return result | {"message": f"The lock is gone. {result['message']}"}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "bucket": {"required": True},
            "key": {"default": "locks/stack.json", "no_log": False},
            "state": {"choices": ["acquired", "checked", "released", "shown", "force_unlocked"], "default": "acquired"},
            "owner": {"default": ""},
            "reason": {"default": ""},
            "run": {"default": ""},
            "lease_seconds": {"type": "int", "default": 60},
            "force_reason": {"default": ""},
            "holder_id": {"default": ""},
            "keeper": {"type": "int", "default": 0},
            "log": {"default": ""},
        },
        supports_check_mode=True,
    )
    name = f"{module.params['bucket']}/{module.params['key']}"
    if module.params["state"] in ("acquired", "force_unlocked") and not module.params["reason"].strip():
        module.fail_json(msg=f"The lock {name} can't be {module.params['state']} without a reason. Give one.")
    with failing_with(module, f"Could not use the lock {name}"):
        try:
            result = getattr(StackLock(module), module.params["state"])()
        except LockError as error:
            module.fail_json(msg=explanation(error, name))
    module.exit_json(changed=False, region=module.region, **{"holder_id": "", **result})


if __name__ == "__main__":
    main()
