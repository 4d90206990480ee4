#!/usr/bin/python
"""Own module because no module of the collections writes to S3 under conditions, which is what makes an object a lock."""

from __future__ import annotations

DOCUMENTATION = r"""
module: deployment_lock
short_description: The lock that keeps two operations off one stack
description:
  - Takes, checks, frees, shows or breaks the lock on a stack, an object in S3 that is written under conditions only.
  - Its action plugin starts a keeper that renews the lease while the playbook lives, and frees the lock at its end.
  - Never says changed, since a lock is no part of the stack. Check mode refuses where a run would, and writes nothing.
options:
  bucket: {description: Bucket that holds the lock, type: str, required: true}
  key: {description: Object that is the lock, type: str, default: locks/stack.json}
  state:
    description: C(held) takes it. C(checked) fails unless it is ours. C(free) lets go of ours. C(seen) shows it. C(broken) removes whosever it is.
    type: str
    choices: [held, checked, free, seen, broken]
    default: held
  owner: {description: Who takes or breaks it; user and machine are added, type: str, default: ""}
  reason: {description: For what it is taken, or why it is broken, type: str, default: ""}
  run: {description: Name of the run for which it is taken, type: str, default: ""}
  lease_seconds: {description: Seconds after which it is free if nobody renewed it, type: int, default: 60}
  steal: {description: Why it is taken from another holder, type: str, default: ""}
  holder_id: {description: "For C(checked) and C(free): what C(held) returned. Empty says that nothing was taken", type: str, default: ""}
  keeper: {description: "For C(free): process of the keeper, as C(held) returned it", type: int, default: 0}
  log: {description: "For C(held): file for what the keeper has to say; lock.log in Ansible's home if empty", type: str, default: ""}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Take the lock
  deployment_lock:
    bucket: campshub360-tier1-123456789012-reports
    owner: arn:aws:iam::123456789012:user/ada
    reason: release 1.0.0
    log: reports/deploy/20261125T113000Z-1.0.0/lock.log
  register: taken

- name: Free it
  deployment_lock:
    bucket: campshub360-tier1-123456789012-reports
    state: free
    holder_id: "{{ taken.holder_id }}"
    keeper: "{{ taken.keeper }}"
"""

RETURN = r"""
holder_id: {description: What its holder knows itself by; empty if nothing was taken, type: str, returned: success}
holder: {description: "Who holds it: owner, reason, run, since, lease_seconds, before", type: dict, returned: when it is held}
words: {description: The same as a sentence, type: str, returned: success}
keeper: {description: Process that renews it, type: int, returned: when it was taken}
"""

import getpass
import platform
from dataclasses import asdict
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.errors import failing_with
from ops.lock.lease import Held, Holder, Lease, LockError, LockHeldError, LockLostError, NoBucketError

CURES = (
    "Nothing was touched. Wait until it is free; or take it with a reason that is recorded, -e 'lock_force_reason=\"why\"'; or, when "
    "whoever holds it is gone for good, remove it with playbooks/runbook_force_unlock.yml."
)


def shown(held: Held | None) -> dict[str, Any]:
    """What a task returns of a lock."""
    if held is None:
        return {"words": "Nobody holds it."}
    known = asdict(held.holder)
    del known["token"]
    ended = " It has run out: whoever comes next takes it." if held.expired else ""
    return {"holder": known, "words": f"It is held by {held.words()}.{ended}"}


def explanation(error: LockError, name: str) -> str:
    """What is wrong, why, and what cures it."""
    match error:
        case NoBucketError():
            return f"There is no place for the lock {name}: {error}. Nothing was touched. Run provision.yml first."
        case LockHeldError():
            return f"The lock {name} can't be taken: {error}. {CURES}"
        case LockLostError():
            return (
                f"The lock {name} is not ours any more: {error}. What was begun may be half done, and another may be at "
                "work: look at playbooks/status.yml before anything else is started."
            )
    return f"The lock {name} can't be used: {error}."


class StackLock:
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

    def held(self) -> dict[str, Any]:
        if not self.module.check_mode:
            held = self.lease.take(self.desired(), self.params["steal"])
            if held.holder.before:
                self.module.warn(f"The lock was taken from {held.holder.before['owner']}: {held.holder.before['why']}.")
            return {"holder_id": held.holder.token, **shown(held)}
        present = self.lease.look()
        if present and not (present.expired or self.params["steal"]):
            raise LockHeldError(present)
        return shown(present)

    def checked(self) -> dict[str, Any]:
        mine = self.params["holder_id"]
        if not mine and not self.module.check_mode:
            self.module.fail_json(msg="No lock was taken, so none can be ours. Take it first: the role lock, main.")
        return shown(self.lease.check(mine) if mine else self.lease.look())

    def free(self) -> dict[str, Any]:
        mine = self.params["holder_id"]
        if mine and not self.module.check_mode:
            self.lease.free(mine)
        held = self.lease.look() if mine else None
        if held and not self.module.check_mode:
            self.module.warn(f"The lock is another's: it {held.holder.account()}.")
        return shown(held)

    def seen(self) -> dict[str, Any]:
        return shown(self.lease.look())

    def broken(self) -> dict[str, Any]:
        """Take it, so that a version of the object tells who broke it and why; then remove it."""
        held = self.lease.look()
        if held and not self.module.check_mode:
            mine = self.lease.take(self.desired(), self.params["reason"])
            self.lease.free(mine.holder.token)
        return shown(held)


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "bucket": {"required": True},
            "key": {"default": "locks/stack.json", "no_log": False},
            "state": {"choices": ["held", "checked", "free", "seen", "broken"], "default": "held"},
            "owner": {"default": ""},
            "reason": {"default": ""},
            "run": {"default": ""},
            "lease_seconds": {"type": "int", "default": 60},
            "steal": {"default": ""},
            "holder_id": {"default": ""},
            "keeper": {"type": "int", "default": 0},
            "log": {"default": ""},
        },
        supports_check_mode=True,
    )
    name = f"{module.params['bucket']}/{module.params['key']}"
    if module.params["state"] in ("held", "broken") and not module.params["reason"].strip():
        module.fail_json(msg=f"Nobody said for what the lock {name} is to be {module.params['state']}. Give a reason.")
    with failing_with(module, f"Could not use the lock {name}"):
        try:
            result = getattr(StackLock(module), module.params["state"])()
        except LockError as error:
            module.fail_json(msg=explanation(error, name))
    module.exit_json(changed=False, region=module.region, **{"holder_id": "", **result})


if __name__ == "__main__":
    main()
