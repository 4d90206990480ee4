#!/usr/bin/python
"""Own module because finding a stack with the collections' *_info modules takes sixteen tasks, and none refuses a wrong account."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_info
short_description: Find what exists of a stack
description:
  - Refuses a name that AWS would refuse for one of the stack's resources, and a domain that it would spell otherwise.
  - Refuses to go on in another account or region than the stack declares.
  - Looks up what exists, by tag C(Stack) and by name. Changes nothing. What is not there is null or empty.
options:
  name: {description: The stack's name, type: str, required: true}
  account_id: {description: The account in which the stack lives, type: str, required: true}
  zone_name: {description: "The stack's DNS zone, which is also its certificate's domain", type: str, required: true}
  unreachable_hint: {description: What to do when AWS does not answer, type: str, default: Check the network and AWS_ENDPOINT_URL.}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Find what exists
  stack_info:
    name: campshub360-tier1
    account_id: "123456789012"
    zone_name: tier1.campshub360.example
  register: stack_found
"""

RETURN = r"""
vpc: {description: "id and cidr", type: dict, returned: success}
at: {description: "When it was looked for (UTC), as 20261125T113000Z; names what a play records", type: str, returned: success}
"""

from datetime import UTC, datetime
from typing import Any, NoReturn

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError

from ops.aws.errors import failing_with
from ops.stack.discovery import FINDERS, Stack, find_all
from ops.stack.naming import domain_objection, objection

CURE = "Nothing was touched. See what this shell says of AWS: env | grep ^AWS_; then try: aws sts get-caller-identity"


class Module(AnsibleAWSModule):  # type: ignore[misc] # typed nowhere
    """Says what to do where the shell's settings let no client be made: the first module of every play."""

    def fail_json_aws(self, exception: BaseException, msg: str | None = None, **kwargs: Any) -> NoReturn:
        self.fail_json(msg=f"{msg}: {exception}. {CURE}", **kwargs)
        raise SystemExit(1)


def refuse_two_identities(module: AnsibleAWSModule) -> None:
    if module.params["profile"] and module.params["access_key"]:
        module.fail_json(
            msg="This shell names a profile (AWS_PROFILE) and has keys (AWS_ACCESS_KEY_ID), so nobody knows which is meant. "
            "Nothing was touched. Take one of them away: unset AWS_PROFILE, or unset AWS_ACCESS_KEY_ID "
            "AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN"
        )


def caller_of(module: AnsibleAWSModule) -> dict[str, str]:
    """Return who AWS says that these credentials are."""
    refuse_two_identities(module)
    try:
        caller: dict[str, str] = module.client("sts").get_caller_identity()
    except (ConnectionError, HTTPClientError) as error:
        module.fail_json(msg=f"AWS does not answer: {error}. Nothing was touched. {module.params['unreachable_hint']}")
    except (BotoCoreError, ClientError) as error:
        module.fail_json(msg=f"AWS does not know who asks: {error}. {CURE}")
    return caller


def refuse_other_account(module: AnsibleAWSModule, caller: dict[str, str]) -> None:
    declared = module.params["account_id"]
    if caller["Account"] != declared:
        module.fail_json(
            msg=f"The stack {module.params['name']} is declared for account {declared}, but these credentials belong to "
            f"account {caller['Account']} ({caller['Arn']}). Nothing was touched. Use the other account's credentials, or "
            "correct stack_account_id in the inventory."
        )


def main() -> None:
    module = Module(
        argument_spec={
            "name": {"required": True},
            "account_id": {"required": True},
            "zone_name": {"required": True},
            "unreachable_hint": {"default": "Check the network and AWS_ENDPOINT_URL."},
        },
        supports_check_mode=True,
    )
    if unfit := objection(module.params["name"]) or domain_objection(module.params["zone_name"]):
        module.fail_json(msg=unfit)
    with failing_with(module, f"Could not look for the stack {module.params['name']}"):
        caller = caller_of(module)
        refuse_other_account(module, caller)
        stack = Stack(
            name=module.params["name"],
            account_id=caller["Account"],
            region=module.region,
            partition=caller["Arn"].split(":")[1],
            zone_name=module.params["zone_name"],
        )
        sections = find_all(module, FINDERS, stack)
    found = {
        "account_id": stack.account_id,
        "region": stack.region,
        "partition": stack.partition,
        "caller_arn": caller["Arn"],
        "at": datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ"),
    }
    for section in sections:
        found.update(section)
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
