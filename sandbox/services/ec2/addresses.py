"""Free addresses of a subnet."""

from __future__ import annotations

import ipaddress
import random
from typing import Any

#: of each subnet: network, router, DNS, future use; and the last one
#: https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
RESERVED_FIRST = 4


def free_address(ec2: Any, subnet: Any) -> str | None:
    """Return a random free address: one that was just released may still drain connections."""
    taken = {eni.private_ip_address for eni in ec2.enis.values()}
    hosts = list(ipaddress.ip_network(subnet.cidr_block))[RESERVED_FIRST:-1]
    free = [str(host) for host in hosts if str(host) not in taken]
    return random.choice(free) if free else None
