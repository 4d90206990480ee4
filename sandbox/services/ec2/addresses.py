"""Which addresses of a subnet are free."""

from __future__ import annotations

import ipaddress
import random
from typing import Any

#: of each subnet: network, router, DNS, future use; and the last one
#: https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
RESERVED_FIRST = 4


def free_address(ec2: Any, subnet: Any) -> str | None:
    """Any address that no interface has: one that was just given back may still be draining somewhere."""
    taken = {eni.private_ip_address for eni in ec2.enis.values()}
    hosts = list(ipaddress.ip_network(subnet.cidr_block))[RESERVED_FIRST:-1]
    free = [str(host) for host in hosts if str(host) not in taken]
    return random.choice(free) if free else None
