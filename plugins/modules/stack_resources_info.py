#!/usr/bin/python
"""Own module because no collection tells what an account still holds of a stack, whatever service made it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_resources_info
short_description: Find all that an account holds of a stack, by tag and by name
description:
  - Asks every service that a stack uses, by the tag C(Stack) and by name. Changes nothing.
  - With O(wait_timeout), asks again until only what AWS keeps by design is left, or time is up.
options:
  name: {description: The stack's name, type: str, required: true}
  account_id: {description: The account in which the stack lives, type: str, required: true}
  zone_name: {description: "The stack's DNS zone, which is also its certificate's domain", type: str, required: true}
  wait_timeout: {description: Seconds to wait at most until nothing is left, type: int, default: 0}
  poll_seconds: {description: Polling interval in seconds, type: float, default: 10}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Find what is left
  stack_resources_info:
    name: campshub360-tier1
    account_id: "123456789012"
    zone_name: tier1.campshub360.example
  register: left
"""

RETURN = r"""
present:
  description: What exists
  type: list
  elements: dict
  returned: success
  contains: &item
    kind: {description: "The kind of resource, such as C(target group)", type: str, returned: success}
    name: {description: Its name or id, type: str, returned: success}
    command: {description: "The command that deletes it, or restores what AWS keeps", type: str, returned: success}
    arn: {description: "Its ARN, empty where the service is not asked for it", type: str, returned: success}
    holds: {description: "What is lost with it, empty for nothing", type: str, returned: success}
    protected: {description: "Why it is deleted only where that is allowed, empty if it always is", type: str, returned: success}
    kept: {description: "Why AWS keeps it although it was deleted, and until when; empty while it exists", type: str, returned: success}
kept:
  description: "What was deleted already, and AWS keeps by design"
  type: list
  elements: dict
  returned: success
  contains: *item
"""

import time
from dataclasses import asdict

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.errors import failing_with
from ops.stack.model import Stack
from ops.stack.resources.inventory import find_resources


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "account_id": {"required": True},
            "zone_name": {"required": True},
            "wait_timeout": {"type": "int", "default": 0},
            "poll_seconds": {"type": "float", "default": 10},
        },
        supports_check_mode=True,
    )
    options = module.params
    partition = module.client("sts").meta.partition
    stack = Stack(options["name"], options["account_id"], module.region, partition, options["zone_name"])
    deadline = time.monotonic() + options["wait_timeout"]
    with failing_with(module, f"Could not look for what is left of {stack.name}"):
        items = find_resources(module.client, stack)
        while any(not item.kept for item in items) and time.monotonic() < deadline:
            time.sleep(options["poll_seconds"])
            items = find_resources(module.client, stack)
    module.exit_json(
        changed=False,
        present=[asdict(item) for item in items if not item.kept],
        kept=[asdict(item) for item in items if item.kept],
    )


if __name__ == "__main__":
    main()
