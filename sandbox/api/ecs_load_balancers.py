"""What ECS asks of the load balancers of a service.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LoadBalancer.html
"""

from __future__ import annotations

from moto.ecs.exceptions import InvalidParameterException
from moto.ecs.models import EC2ContainerServiceBackend
from moto.elbv2.models import elbv2_backends

from sandbox.api.ecs_records import Definition, Document


def check_load_balancers(
    backend: EC2ContainerServiceBackend, definition: Definition, load_balancers: list[Document]
) -> None:
    """Each names a target group in use, and a port of a container of the task definition."""
    elb = elbv2_backends[backend.account_id][backend.region_name]
    for item in load_balancers:
        arn = item.get("targetGroupArn")
        group = elb.target_groups.get(arn or "")
        if group is None:
            raise InvalidParameterException(
                f"Unable to assume the service linked role or find the target group {arn}."
            )
        if group.target_type != "ip":
            raise InvalidParameterException(
                f"The provided target group {arn} has target type {group.target_type}, which is"
                " incompatible with the awsvpc network mode specified in the task definition."
            )
        if not group.load_balancer_arns:
            raise InvalidParameterException(
                f"The target group with targetGroupArn {arn} does not have an associated load"
                " balancer."
            )
        _check_port(definition, item["containerName"], item["containerPort"])


def _check_port(definition: Definition, name: str, port: int) -> None:
    container = next((c for c in definition.containers if c["name"] == name), None)
    if container is None:
        raise InvalidParameterException(
            f"The container {name} does not exist in the task definition."
        )
    if port not in [mapping["containerPort"] for mapping in container["portMappings"]]:
        raise InvalidParameterException(
            f"The container {name} did not have a container port {port} defined."
        )
