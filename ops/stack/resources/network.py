"""What EC2 holds of a stack: the VPC and all in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ops.stack.model import Stack
from ops.stack.ownership import TAG
from ops.stack.resources.item import Item

# The commands of EC2 that don't follow from the type of the resource.
COMMANDS = {
    "elastic-ip": "release-address --allocation-id",
    "natgateway": "delete-nat-gateway --nat-gateway-id",
    "security-group": "delete-security-group --group-id",
    "vpc-endpoint": "delete-vpc-endpoints --vpc-endpoint-ids",
}


def find_network(ec2: Any, stack: Stack) -> Iterator[Item]:
    """Yield what carries the stack's tag, what lost it but has a name of the stack's, and what AWS put into the VPC."""
    kinds = tagged(ec2, TAG, [stack.name])
    named = tagged(ec2, "Name", [stack.name, f"{stack.name}-*"])
    kinds |= {name: kind for name, kind in named.items() if name not in tagged(ec2, TAG, ["*"], list(named))}
    for gateway in deleted_gateways(ec2, [name for name, kind in kinds.items() if kind == "natgateway"]):
        del kinds[gateway]
    for interface in network_interfaces(ec2, [name for name, kind in kinds.items() if kind == "vpc"]):
        kinds[interface] = "network-interface"
    for name, kind in kinds.items():
        command = COMMANDS.get(kind, f"delete-{kind} --{kind}-id")
        yield Item(kind.replace("-", " "), name, f"aws ec2 {command} {name}")


def tagged(ec2: Any, key: str, values: list[str], ids: Iterable[str] = ()) -> dict[str, str]:
    """Return the types of what carries the tag, by id. ids: among these only, if there are any."""
    filters = [{"Name": "key", "Values": [key]}, {"Name": "value", "Values": values}]
    filters += [{"Name": "resource-id", "Values": list(ids)}] if ids else []
    pages = ec2.get_paginator("describe_tags").paginate(Filters=filters)
    found = {tag["ResourceId"]: tag["ResourceType"] for page in pages for tag in page["Tags"]}
    return {name: kind for name, kind in found.items() if kind != "security-group-rule"}


def deleted_gateways(ec2: Any, ids: list[str]) -> list[str]:
    """Return those NAT gateways that AWS only shows: it does for about an hour after their deletion."""
    gateways = ec2.describe_nat_gateways(NatGatewayIds=ids)["NatGateways"] if ids else []
    return [gateway["NatGatewayId"] for gateway in gateways if gateway["State"] == "deleted"]


def network_interfaces(ec2: Any, vpcs: list[str]) -> list[str]:
    """Return the ids of the VPCs' network interfaces: services create them without tags."""
    inside = [{"Name": "vpc-id", "Values": vpcs}]
    interfaces = ec2.describe_network_interfaces(Filters=inside)["NetworkInterfaces"] if vpcs else []
    return [interface["NetworkInterfaceId"] for interface in interfaces]
