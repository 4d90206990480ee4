"""A task's place in the VPC: a network interface with an address of its subnet.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-task-networking.html
"""

from __future__ import annotations

import ipaddress
import random
import uuid

from sandbox.api.ecs_records import Interface, Task
from sandbox.api.state import State
from sandbox.controllers.ecs_failures import TaskStartError

RESERVED_FIRST = 4  # of each subnet: network, router, DNS, future use; and the last one


def attach(state: State, task: Task) -> str:
    """Give the task an interface; return the name of its address for `Network.address`."""
    groups = task.network["awsvpcConfiguration"]["securityGroups"]
    with state.lock:
        ec2 = state.backend("ec2", task.account, task.region)
        subnet = ec2.get_subnet(task.subnet)
        taken = {eni.private_ip_address for eni in ec2.enis.values()}
        hosts = list(ipaddress.ip_network(subnet.cidr_block))[RESERVED_FIRST:-1]
        free = [str(host) for host in hosts if str(host) not in taken]
        if not free:
            raise TaskStartError(
                f"Unexpected EC2 error while attempting to Create Network Interface:"
                f" InsufficientFreeAddressesInSubnet in {task.subnet}"
            )
        attachment = str(uuid.uuid4())
        eni = ec2.create_network_interface(
            subnet,
            # Any of them: an address that was just given back may still be draining somewhere.
            random.choice(free),
            group_ids=groups,
            description=f"arn:aws:ecs:{task.region}:{task.account}:attachment/{attachment}",
        )
        eni.status, eni.requester_managed = "in-use", True
        address = str(eni.private_ip_address)
        dns_name = f"ip-{address.replace('.', '-')}.ec2.internal"
        task.interface = Interface(attachment, eni.id, address, eni.mac_address, dns_name)
        return f"ip/{subnet.vpc_id}/{address}"


def detach(state: State, task: Task) -> None:
    """Give the interface back."""
    with state.lock:
        if task.interface:
            state.backend("ec2", task.account, task.region).enis.pop(task.interface.id, None)
            task.interface.status = "DELETED"
