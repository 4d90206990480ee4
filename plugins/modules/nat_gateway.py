#!/usr/bin/python
"""Own module because amazon.aws.ec2_vpc_nat_gateway takes an address without a tag: interrupted, nobody finds it again."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nat_gateway
short_description: A public NAT gateway with an address of its own
description:
  - Creates, updates or deletes a NAT gateway and its address, both found by the tag Name.
  - An address that an interrupted run left behind is used again, or released.
options:
  name: {description: Value of the tag Name, type: str, required: true}
  vpc_id: {description: The VPC, type: str, required: true}
  subnet_id: {description: Its public subnet. Can't change, type: str}
  tags: {description: Tags besides Name; others are removed, type: dict, default: {}}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules, resource.state, resource.wait]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Create the NAT gateway in zone a
  nat_gateway:
    name: campshub360-tier1-nat-a
    vpc_id: vpc-0123456789abcdef0
    subnet_id: subnet-0123456789abcdef0
    tags: {Stack: campshub360-tier1}
"""

RETURN = r"""
resource: {description: "The gateway, with its id, the id of its address, and its status", type: dict, returned: success}
"""

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.resource import STATE_OPTION, TAGS_OPTION, WAIT_OPTIONS, Resource, State, run
from ops.aws.tagging import tag_ec2
from ops.aws.tags import tags_from, tags_to
from ops.stack.ownership import only_named


class NatGateway(Resource):
    noun = "NAT gateway"
    retryable_errors = ("InvalidAllocationID.NotFound", "InvalidSubnetID.NotFound")

    def __init__(self, module: AnsibleAWSModule) -> None:
        super().__init__(module)
        self.ec2 = module.client("ec2")
        self.absent = self.params["state"] == "absent"

    def gateway(self) -> State | None:
        """Return the gateway; None if there is none."""
        states = ["pending", "available", *(["deleting"] if self.absent else [])]
        desired = {"vpc-id": [self.params["vpc_id"]], "tag:Name": [self.name], "state": states}
        answer = self.ec2.describe_nat_gateways(Filter=filters(desired))["NatGateways"]
        if not self.absent:
            only_named(self.noun, self.name, [gateway["NatGatewayId"] for gateway in answer])
        return dict(answer[0]) if answer else None

    def address(self, gateway: State | None) -> State | None:
        """Return the gateway's address; without a gateway, an unused address of its name."""
        desired = {"tag:Name": [self.name]}
        if gateway:
            desired = {"allocation-id": [item["AllocationId"] for item in gateway["NatGatewayAddresses"]]}
        found = self.ec2.describe_addresses(Filters=filters(desired))["Addresses"]
        return next((dict(item) for item in found if gateway or "AssociationId" not in item), None)

    def read(self) -> State | None:
        gateway = self.gateway()
        address = self.address(gateway)
        if gateway is None and not (self.absent and address):
            return None
        gateway, address = gateway or {}, address or {}
        return {
            "id": gateway.get("NatGatewayId"),
            "status": gateway.get("State"),
            "allocation_id": address.get("AllocationId"),
            "subnet_id": gateway.get("SubnetId"),
            "tags": tags_from(gateway.get("Tags", [])),
            "address_tags": tags_from(address.get("Tags", [])),
        }

    def desired(self, found: State | None) -> State:
        tags = {**self.params["tags"], "Name": self.name}
        return {"subnet_id": self.params["subnet_id"], "tags": tags, "address_tags": tags}

    def create(self, desired: State) -> None:
        address = self.address(None) or self.ec2.allocate_address(
            Domain="vpc", TagSpecifications=tagged("elastic-ip", desired["address_tags"])
        )
        self.retry(
            self.ec2.create_nat_gateway,
            SubnetId=desired["subnet_id"],
            AllocationId=address["AllocationId"],
            TagSpecifications=tagged("natgateway", desired["tags"]),
        )

    def refusal(self, found: State, changes: State) -> str | None:
        if "subnet_id" not in changes:
            return None
        return f"The NAT gateway {self.name} can't move to another subnet. Delete it, then run this again."

    def update(self, found: State, changes: State) -> None:
        for key, resource in (("tags", found["id"]), ("address_tags", found["allocation_id"])):
            if key in changes:
                tag_ec2(self.ec2, resource, found[key], changes[key])

    def is_ready(self, found: State) -> bool:
        return bool(found["status"] == "available")

    def delete(self, found: State) -> None:
        """Delete the gateway, then release its address, which is refused while the gateway exists."""
        if found["id"]:
            if found["status"] != "deleting":
                self.ec2.delete_nat_gateway(NatGatewayId=found["id"])
            delay = self.params["poll_seconds"]
            attempts = {"Delay": delay, "MaxAttempts": max(1, int(self.params["wait_timeout"] / delay))}
            self.ec2.get_waiter("nat_gateway_deleted").wait(NatGatewayIds=[found["id"]], WaiterConfig=attempts)
        if found["allocation_id"]:
            self.ec2.release_address(AllocationId=found["allocation_id"])


def filters(desired: dict[str, list[str]]) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": values} for name, values in desired.items()]


def tagged(kind: str, tags: State) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": tags_to(tags)}]


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "vpc_id": {"required": True},
            "subnet_id": {},
            **TAGS_OPTION,
            **STATE_OPTION,
            **WAIT_OPTIONS,
        },
        required_if=[("state", "present", ["subnet_id"])],
        supports_check_mode=True,
    )
    run(NatGateway(module))


if __name__ == "__main__":
    main()
