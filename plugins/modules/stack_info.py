#!/usr/bin/python
"""Own module because finding a stack with the collections' *_info modules takes sixteen tasks, and none refuses a wrong account."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_info
short_description: Find what exists of a stack
description:
  - Refuses a name that AWS would refuse for one of the stack's resources, and a domain that it would spell otherwise.
  - Refuses to go on in another account or region than the stack declares.
  - Finds what exists, by the tag C(Stack) and by name. Changes nothing.
  - "Every key of the result is always there. For what does not exist, an id, an ARN or an address is a placeholder such as
    C(vpc-pending), which the test C(is pending) tells from a value; another text is empty, a number is 0, a collection is empty."
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
account_id: {description: The account, type: str, returned: success}
region: {description: The region, type: str, returned: success}
partition: {description: "The partition of ARNs, such as C(aws)", type: str, returned: success}
caller_arn: {description: "Who AWS says that these credentials are", type: str, returned: success}
at: {description: "When it was looked for (UTC), as 20261125T113000Z", type: str, returned: success}
run_id: {description: "The same and four digits of chance: two plays of one second are two runs", type: str, returned: success}
vpc:
  description: The VPC
  type: dict
  returned: success
  contains:
    id: {description: Its id, type: str, returned: success}
    cidr: {description: Its address block, type: str, returned: success}
subnets:
  description: Ids of the subnets by tier, in the order of their zones
  type: dict
  returned: success
  contains:
    public: {description: Reached from the internet, type: list, elements: str, returned: success}
    app: {description: Of tasks, type: list, elements: str, returned: success}
    data: {description: Of the database and the cache, type: list, elements: str, returned: success}
security_groups:
  description: Ids of the security groups by purpose
  type: dict
  returned: success
  contains:
    app: {description: Of tasks, type: str, returned: success}
    cache: {description: Of the cache, type: str, returned: success}
    database: {description: Of the database, type: str, returned: success}
    load_balancer: {description: Of the load balancer, type: str, returned: success}
kms_key_arn: {description: "ARN of the key that has the stack's alias", type: str, returned: success}
secrets:
  description: "The secrets that exist, by their names without the stack's prefix; never a value"
  type: dict
  returned: success
  contains:
    <name>:
      description: A secret
      type: dict
      returned: success
      contains:
        arn: {description: Its ARN, type: str, returned: success}
        version_id: {description: "Its current version, empty if it has none", type: str, returned: success}
hosted_zone:
  description: The public hosted zone of the stack's domain
  type: dict
  returned: success
  contains:
    ids: {description: "Ids of all zones of that name; with more than one nothing else is known", type: list, elements: str, returned: success}
    owner: {description: "C(own), C(adopted) or C(others)", type: str, returned: success}
    name_servers: {description: "Name servers to which the domain above must delegate", type: list, elements: str, returned: success}
certificate:
  description: The certificate to use
  type: dict
  returned: success
  contains:
    arn: {description: Its ARN, type: str, returned: success}
    status: {description: "C(ISSUED) or C(PENDING_VALIDATION)", type: str, returned: success}
    validation_records:
      description: "DNS records that prove the domain: name, type, value"
      type: list
      elements: dict
      returned: success
repository_uri: {description: URI of the image repository, type: str, returned: success}
database:
  description: The database
  type: dict
  returned: success
  contains:
    arn: {description: Its ARN, type: str, returned: success}
    status: {description: "As RDS says it, such as C(available)", type: str, returned: success}
    parameters: {description: "Whether its parameters are in force: C(in-sync) or C(pending-reboot)", type: str, returned: success}
    endpoint: {description: "Its address; a placeholder until it is available", type: str, returned: success}
    port: {description: Its port, type: int, returned: success}
    master_secret_arn: {description: ARN of the secret that RDS keeps the master password in, type: str, returned: success}
cache:
  description: The cache
  type: dict
  returned: success
  contains:
    arn: {description: Its ARN, type: str, returned: success}
    status: {description: "As ElastiCache says it, such as C(available)", type: str, returned: success}
    endpoint: {description: "Address of its primary node; a placeholder until it is available", type: str, returned: success}
    port: {description: Its port, type: int, returned: success}
load_balancer:
  description: The load balancer
  type: dict
  returned: success
  contains:
    arn: {description: Its ARN, type: str, returned: success}
    dns_name: {description: The DNS name that AWS gave it, type: str, returned: success}
    hosted_zone_id: {description: AWS's hosted zone for aliases that lead to it, type: str, returned: success}
    state: {description: "Such as C(active)", type: str, returned: success}
listeners:
  description: ARNs of the listeners by protocol
  type: dict
  returned: success
  contains:
    http: {description: "On port 80, leads to HTTPS", type: str, returned: success}
    https: {description: On port 443, type: str, returned: success}
production_rule:
  description: The listener rule of everybody's requests
  type: dict
  returned: success
  contains: &rule
    arn: {description: Its ARN, type: str, returned: success}
    weights: {description: Weights by target group ARN, type: dict, returned: success}
test_rule:
  description: The listener rule of requests with the test header
  type: dict
  returned: success
  contains: *rule
target_groups:
  description: ARNs of the target groups
  type: dict
  returned: success
  contains:
    blue: {description: The one, type: str, returned: success}
    green: {description: The other, type: str, returned: success}
cluster_arn: {description: ARN of the ECS cluster, type: str, returned: success}
service:
  description: The ECS service, which the first release creates
  type: dict
  returned: success
  contains:
    arn: {description: Its ARN, type: str, returned: success}
    task_definition: {description: ARN of its task definition, type: str, returned: success}
    image: {description: The image that its task definition names, type: str, returned: success}
    release: {description: The release that its task definition names, type: str, returned: success}
    desired: {description: How many tasks should run, type: int, returned: success}
    running: {description: How many tasks run, type: int, returned: success}
    pending: {description: How many tasks start, type: int, returned: success}
    rollout: {description: "State of its deployment, such as C(COMPLETED)", type: str, returned: success}
audit_log: {description: "The audit log's newest entries, newest first", type: list, elements: dict, returned: success}
"""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, NoReturn

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError

from ops.aws.errors import failing_with
from ops.stack.discovery import find_stack
from ops.stack.model import Stack
from ops.stack.naming import domain_refusal, stack_name_refusal

CURE = "Nothing was touched. See what this shell says of AWS: env | grep ^AWS_; then try: aws sts get-caller-identity"


class Module(AnsibleAWSModule):  # type: ignore[misc] # typed nowhere
    """Say what to do where the shell's settings let no client be made: the first module of every play."""

    def fail_json_aws(self, exception: BaseException, msg: str | None = None, **kwargs: Any) -> NoReturn:
        self.fail_json(msg=f"{msg}: {exception}. {CURE}", **kwargs)
        raise SystemExit(1)


def refuse_two_identities(module: AnsibleAWSModule) -> None:
    """Fail if the shell names both a profile and keys."""
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
    """Fail if the caller belongs to another account than the stack declares."""
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
    name, zone_name = module.params["name"], module.params["zone_name"]
    if refusal := stack_name_refusal(name) or domain_refusal(zone_name):
        module.fail_json(msg=refusal)
    with failing_with(module, f"Could not look for the stack {name}"):
        caller = caller_of(module)
        refuse_other_account(module, caller)
        stack = Stack(name, caller["Account"], module.region, caller["Arn"].split(":")[1], zone_name)
        at = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        found = find_stack(module.client, stack, caller["Arn"], at)
    module.exit_json(changed=False, **asdict(found))


if __name__ == "__main__":
    main()
