"""EC2: NAT gateways and tags, where moto differs from AWS."""

from typing import Any

from moto.ec2.models import EC2Backend
from moto.ec2.utils import EC2_PREFIX_TO_RESOURCE, generic_filter

from sandbox.aws_api.patch import behaviour
from sandbox.services.ec2 import dependencies, security_groups

#: types of resources whose tags moto keeps after they were deleted
TAGGED = {
    *("vpc", "subnet", "security-group", "elastic-ip", "internet-gateway"),
    *("route-table", "natgateway", "vpc-endpoint"),
}


def install() -> None:
    """Attach EC2's patches."""
    dependencies.install()
    security_groups.install()
    # How tags name the types of a NAT gateway and an address.
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TagSpecification.html
    EC2_PREFIX_TO_RESOURCE["nat"] = "natgateway"
    EC2_PREFIX_TO_RESOURCE["eipalloc"] = "elastic-ip"
    behaviour(EC2Backend)(delete_nat_gateway)
    behaviour(EC2Backend)(describe_nat_gateways)
    behaviour(EC2Backend)(describe_tags)


def delete_nat_gateway(original: Any, self: EC2Backend, nat_gateway_id: str) -> Any:
    """Delete a NAT gateway with its network interface, and free its address.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNatGateway.html
    """
    gateway = original(nat_gateway_id)
    for address in gateway.address_set:
        if "associationId" in address:
            self.disassociate_address(association_id=address["associationId"])
        self.enis.pop(address["networkInterfaceId"], None)
    return gateway


def describe_nat_gateways(original: Any, self: EC2Backend, filters: Any, nat_gateway_ids: Any) -> Any:
    """Filter NAT gateways by tags.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNatGateways.html
    """
    tags = {name: values for name, values in (filters or {}).items() if name.startswith("tag")}
    return generic_filter(tags, original(filters, nat_gateway_ids))


def describe_tags(original: Any, self: EC2Backend, filters: Any = None) -> list[dict[str, str]]:
    """Return the tags of existing resources: tags are deleted with their resource.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html
    """
    groups = [*self.subnets.values(), *self.groups.values()]
    existing = {one for group in groups for one in group} | {address.allocation_id for address in self.addresses}
    existing |= {name for name, endpoint in self.vpc_end_points.items() if endpoint.state != "deleted"}
    for collection in (self.vpcs, self.internet_gateways, self.route_tables, self.nat_gateways):
        existing |= collection.keys()
    return [tag for tag in original(filters) if tag["resource_id"] in existing or tag["resource_type"] not in TAGGED]
