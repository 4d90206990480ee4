"""A task's network interface, with an address of its subnet.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-task-networking.html
"""

from __future__ import annotations

import uuid

from sandbox.aws_api.state import State
from sandbox.services.ec2.addresses import free_address
from sandbox.services.ecs.agent.failures import TaskStartError
from sandbox.services.ecs.records.tasks import Interface, Task


def attach(state: State, task: Task) -> str:
    """Create the task's interface; return the name of its address for `Network.address`."""
    groups = task.network["awsvpcConfiguration"]["securityGroups"]
    with state.lock:
        ec2 = state.backend("ec2", task.account, task.region)
        subnet = ec2.get_subnet(task.subnet)
        free = free_address(ec2, subnet)
        if free is None:
            raise TaskStartError(
                f"Unexpected EC2 error while attempting to Create Network Interface:"
                f" InsufficientFreeAddressesInSubnet in {task.subnet}"
            )
        attachment = str(uuid.uuid4())
        eni = ec2.create_network_interface(
            subnet,
            free,
            group_ids=groups,
            description=f"arn:aws:ecs:{task.region}:{task.account}:attachment/{attachment}",
        )
        eni.status, eni.requester_managed = "in-use", True
        address = str(eni.private_ip_address)
        dns_name = f"ip-{address.replace('.', '-')}.ec2.internal"
        task.interface = Interface(attachment, eni.id, address, eni.mac_address, dns_name)
        return f"ip/{subnet.vpc_id}/{address}"


def detach(state: State, task: Task) -> None:
    """Delete the task's interface."""
    with state.lock:
        if task.interface:
            state.backend("ec2", task.account, task.region).enis.pop(task.interface.id, None)
            task.interface.status = "DELETED"
