#!/usr/bin/python
"""Own module because amazon.aws.elb_application_lb fails in check mode on subnets and groups to come, and has no diff."""

from __future__ import annotations

DOCUMENTATION = r"""
module: load_balancer
short_description: An Application Load Balancer
description:
  - Creates, updates or deletes an Application Load Balancer, without its listeners. See M(listener) for these.
  - Removing it lifts its deletion protection in AWS first, but only with O(deletion_protection=false).
options:
  name: {description: Name, type: str, required: true}
  scheme: {description: Who reaches it. Can't change, type: str, choices: [internet-facing, internal], default: internet-facing}
  subnets: {description: Subnets of at least two availability zones, type: list, elements: str, default: []}
  security_groups: {description: Ids of its security groups, type: list, elements: str, default: []}
  attributes: {description: Attributes by AWS's own names. Others are left alone, type: dict, default: {}}
  deletion_protection: {description: Whether this module refuses to delete it, type: bool, default: true}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules, resource.ready, resource.tags, resource.wait]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Create the load balancer
  load_balancer:
    name: campshub360-tier1
    subnets: [subnet-0a, subnet-0b]
    security_groups: [sg-0123456789abcdef0]
    attributes: {idle_timeout.timeout_seconds: "60"}
"""

RETURN = r"""
resource: {description: "The load balancer, with its arn, dns_name and status", type: dict, returned: success}
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.elb import find_balancer, tags_of
from ops.aws.resource import STATE_OPTION_WITH_READY, TAGS_OPTION, WAIT_OPTIONS, Resource, State, run
from ops.aws.tagging import tag_elb
from ops.aws.tags import aws_texts, tags_to


class LoadBalancer(Resource):
    noun = "load balancer"

    def __init__(self, module: AnsibleAWSModule) -> None:
        super().__init__(module)
        self.elb = module.client("elbv2")

    def read(self) -> State | None:
        balancer = find_balancer(self.elb, self.name)
        if balancer is None:
            return None
        arn = balancer["LoadBalancerArn"]
        answer = self.elb.describe_load_balancer_attributes(LoadBalancerArn=arn)
        attributes = {pair["Key"]: pair["Value"] for pair in answer["Attributes"]}
        return {
            "arn": arn,
            "dns_name": balancer["DNSName"],
            "status": balancer["State"]["Code"],
            "scheme": balancer["Scheme"],
            "subnets": sorted(zone["SubnetId"] for zone in balancer["AvailabilityZones"]),
            "security_groups": sorted(balancer["SecurityGroups"]),
            "attributes": {key: attributes.get(key) for key in self.params["attributes"]},
            "protected": attributes.get("deletion_protection.enabled") == "true",
            "tags": tags_of(self.elb, arn),
        }

    def desired(self, found: State | None) -> State:
        return {
            "scheme": self.params["scheme"],
            "subnets": sorted(self.params["subnets"]),
            "security_groups": sorted(self.params["security_groups"]),
            "attributes": aws_texts(self.params["attributes"]),
            "tags": self.params["tags"],
        }

    def create(self, desired: State) -> None:
        answer = self.elb.create_load_balancer(
            Name=self.name,
            Type="application",
            Scheme=desired["scheme"],
            Subnets=desired["subnets"],
            SecurityGroups=desired["security_groups"],
            Tags=tags_to(desired["tags"]),
        )
        self.set_attributes(answer["LoadBalancers"][0]["LoadBalancerArn"], desired["attributes"])

    def refusal(self, found: State, changes: State) -> str | None:
        if self.params["state"] == "absent":
            return self.params["deletion_protection"] and (
                f"The load balancer {self.name} is protected, and was not touched: it is how people reach the "
                "application. If it may go: -e load_balancer_deletion_protection=false"
            )
        if "scheme" not in changes:
            return None
        return (
            f"The load balancer {self.name} is {found['scheme']} and can't become {changes['scheme']}: AWS fixes "
            "the scheme at creation. Go back to the former scheme, or remove the load balancer and run this again."
        )

    def update(self, found: State, changes: State) -> None:
        arn = found["arn"]
        if "subnets" in changes:
            self.elb.set_subnets(LoadBalancerArn=arn, Subnets=changes["subnets"])
        if "security_groups" in changes:
            self.elb.set_security_groups(LoadBalancerArn=arn, SecurityGroups=changes["security_groups"])
        self.set_attributes(arn, changes.get("attributes", {}))
        if "tags" in changes:
            tag_elb(self.elb, arn, found["tags"], changes["tags"])

    def set_attributes(self, arn: str, attributes: State) -> None:
        if attributes:
            self.elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=tags_to(attributes))

    def delete(self, found: State) -> None:
        if found["protected"]:
            self.set_attributes(found["arn"], {"deletion_protection.enabled": "false"})
        self.elb.delete_load_balancer(LoadBalancerArn=found["arn"])

    def is_ready(self, found: State) -> bool:
        if found["status"] == "failed":
            self.fail(f"AWS could not set up the load balancer {self.name}. Remove it, then run this again.")
        return bool(found["status"] == "active")


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "scheme": {"choices": ["internet-facing", "internal"], "default": "internet-facing"},
            "subnets": {"type": "list", "elements": "str", "default": []},
            "security_groups": {"type": "list", "elements": "str", "default": []},
            "attributes": {"type": "dict", "default": {}},
            "deletion_protection": {"type": "bool", "default": True},
            **TAGS_OPTION,
            **STATE_OPTION_WITH_READY,
            **WAIT_OPTIONS,
        },
        required_if=[("state", "present", ["subnets", "security_groups"])],
        supports_check_mode=True,
    )
    run(LoadBalancer(module))


if __name__ == "__main__":
    main()
