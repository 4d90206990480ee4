"""EC2 as AWS has it, where moto differs."""

from typing import Any

from moto.ec2.models import EC2Backend
from moto.ec2.utils import EC2_PREFIX_TO_RESOURCE

from sandbox.api.mend import behaviour


def install() -> None:
    """Attach EC2's mends."""
    # The resource type of a NAT gateway is one word.
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TagSpecification.html
    EC2_PREFIX_TO_RESOURCE["nat"] = "natgateway"
    behaviour(EC2Backend)(delete_nat_gateway)


def delete_nat_gateway(original: Any, self: EC2Backend, nat_gateway_id: str) -> Any:
    """A deleted NAT gateway gives its address back to the account, and its network interface goes.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNatGateway.html
    """
    gateway = original(nat_gateway_id)
    for address in gateway.address_set:
        if "associationId" in address:
            self.disassociate_address(association_id=address["associationId"])
        self.enis.pop(address["networkInterfaceId"], None)
    return gateway
