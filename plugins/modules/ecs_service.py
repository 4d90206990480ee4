#!/usr/bin/python
"""Own module because community.aws.ecs_service never compares network, capacity strategy or deployment configuration."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_service
short_description: An ECS service on Fargate behind a load balancer
description:
  - Creates the service, or starts a deployment when what it should run differs from what it runs.
  - The number of tasks is set at creation only; afterwards autoscaling and people own it.
options:
  name: {description: Name, type: str, required: true}
  cluster: {description: Cluster, type: str, required: true}
  task_definition: {description: ARN of a task definition revision, type: str}
  desired_count: {description: Tasks at creation, type: int, default: 1}
  capacity_providers:
    description: Strategy, in AWS's words. Base is counted before weights.
    type: list
    elements: dict
    default: []
    suboptions:
      provider: {description: FARGATE or FARGATE_SPOT, type: str, required: true}
      base: {description: Tasks that always run here, type: int, default: 0}
      weight: {description: Share of the rest, type: int, default: 0}
  subnets: {description: Subnets of the tasks, type: list, elements: str, default: []}
  security_groups: {description: Security groups of the tasks, type: list, elements: str, default: []}
  assign_public_ip: {description: Whether tasks reach the internet by an address of their own, type: bool, default: false}
  target_group: {description: ARN of the target group in which tasks are registered, type: str}
  container: {description: The container behind the load balancer, type: str, default: app}
  port: {description: Its port, type: int, default: 8000}
  grace_seconds: {description: How long a starting task may fail its health checks, type: int, default: 60}
  minimum_healthy_percent: {description: Of the desired tasks, during a deployment, type: int, default: 100}
  maximum_percent: {description: Of the desired tasks, during a deployment, type: int, default: 200}
  tags: {description: Tags, type: dict, default: {}}
  state: {description: Whether it exists, type: str, choices: [present, absent], default: present}
  wait: {description: Wait until a deleted service is gone, type: bool, default: false}
  wait_timeout: {description: Seconds, type: int, default: 600}
  poll_seconds: {description: Seconds between two looks, type: float, default: 10}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Run the release
  ecs_service:
    name: campshub360-tier1-app
    cluster: campshub360-tier1
    task_definition: arn:aws:ecs:us-east-1:123456789012:task-definition/campshub360-tier1-app:7
    desired_count: 3
    capacity_providers: [{provider: FARGATE, base: 2}, {provider: FARGATE_SPOT, weight: 1}]
    subnets: [subnet-0a, subnet-0b]
    security_groups: [sg-0a]
    target_group: arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/campshub360-tier1-blue/0123456789abcdef
"""

RETURN = r"""
resource: {description: The service's state, type: dict, returned: success}
"""

from ansible.module_utils.aws_resource import (
    STATE_OPTION,
    TAGS_OPTION,
    WAIT_OPTIONS,
    Resource,
    State,
    run,
    tags_from,
    tags_to,
    unless_missing,
)
from ansible.module_utils.tagging import tag_ecs
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule


def state_from(service: State) -> State:
    """A described service in the words of the options."""
    network = service["networkConfiguration"]["awsvpcConfiguration"]
    configuration = service["deploymentConfiguration"]
    return {
        "arn": service["serviceArn"],
        "status": service["status"],
        "task_definition": service["taskDefinition"],
        "capacity_providers": [
            {"provider": item["capacityProvider"], "base": item.get("base", 0), "weight": item.get("weight", 0)}
            for item in service.get("capacityProviderStrategy", [])
        ],
        "subnets": sorted(network["subnets"]),
        "security_groups": sorted(network.get("securityGroups", [])),
        "assign_public_ip": network.get("assignPublicIp") == "ENABLED",
        "grace_seconds": service.get("healthCheckGracePeriodSeconds", 0),
        "minimum_healthy_percent": configuration.get("minimumHealthyPercent"),
        "maximum_percent": configuration.get("maximumPercent"),
        "tags": tags_from(service.get("tags", []), "key", "value"),
    }


def request_from(wanted: State) -> State:
    """What CreateService and UpdateService have in common."""
    return {
        "taskDefinition": wanted["task_definition"],
        "capacityProviderStrategy": [
            {"capacityProvider": item["provider"], "base": item["base"], "weight": item["weight"]}
            for item in wanted["capacity_providers"]
        ],
        "networkConfiguration": {
            "awsvpcConfiguration": {
                "subnets": wanted["subnets"],
                "securityGroups": wanted["security_groups"],
                "assignPublicIp": "ENABLED" if wanted["assign_public_ip"] else "DISABLED",
            }
        },
        "healthCheckGracePeriodSeconds": wanted["grace_seconds"],
        "deploymentConfiguration": {
            "minimumHealthyPercent": wanted["minimum_healthy_percent"],
            "maximumPercent": wanted["maximum_percent"],
        },
    }


class Service(Resource):
    noun = "service"

    def __init__(self, module: AnsibleAWSModule) -> None:
        super().__init__(module)
        self.ecs = module.client("ecs")

    def read(self) -> State | None:
        answer = unless_missing(
            "ClusterNotFoundException",
            self.ecs.describe_services,
            cluster=self.params["cluster"],
            services=[self.name],
            include=["TAGS"],
        )
        # a deleted service stays visible for a while: DRAINING while its tasks stop, then INACTIVE
        there = [service for service in (answer or {}).get("services", []) if service["status"] != "INACTIVE"]
        return state_from(there[0]) if there else None

    def wanted(self, found: State | None) -> State:
        keys = ("task_definition", "capacity_providers", "assign_public_ip", "grace_seconds",
                "minimum_healthy_percent", "maximum_percent", "tags")  # fmt: skip
        lists = {key: sorted(self.params[key]) for key in ("subnets", "security_groups")}
        count = {} if found else {"desired_count": self.params["desired_count"]}
        return {key: self.params[key] for key in keys} | lists | count

    def create(self, wanted: State) -> None:
        self.ecs.create_service(
            cluster=self.params["cluster"],
            serviceName=self.name,
            desiredCount=wanted["desired_count"],
            loadBalancers=[
                {
                    "targetGroupArn": self.params["target_group"],
                    "containerName": self.params["container"],
                    "containerPort": self.params["port"],
                }
            ],
            enableECSManagedTags=True,
            propagateTags="SERVICE",
            tags=tags_to(wanted["tags"], "key", "value"),
            **request_from(wanted),
        )

    def update(self, found: State, changes: State) -> None:
        if found["status"] == "DRAINING":
            self.fail(f"The service {self.name} is being deleted. Run this again when it is gone.")
        wanted = self.wanted(found)
        if changes.keys() - {"tags"}:
            self.ecs.update_service(cluster=self.params["cluster"], service=self.name, **request_from(wanted))
        if "tags" in changes:
            tag_ecs(self.ecs, found["arn"], found["tags"], wanted["tags"])

    def delete(self, found: State) -> None:
        if found["status"] != "DRAINING":
            self.ecs.delete_service(cluster=self.params["cluster"], service=self.name, force=True)

    def settled(self, found: State | None) -> bool:
        return found is None if self.params["state"] == "absent" else True


def main() -> None:
    strategy = {
        "provider": {"required": True},
        "base": {"type": "int", "default": 0},
        "weight": {"type": "int", "default": 0},
    }
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "cluster": {"required": True},
            "task_definition": {},
            "desired_count": {"type": "int", "default": 1},
            "capacity_providers": {"type": "list", "elements": "dict", "default": [], "options": strategy},
            "subnets": {"type": "list", "elements": "str", "default": []},
            "security_groups": {"type": "list", "elements": "str", "default": []},
            "assign_public_ip": {"type": "bool", "default": False},
            "target_group": {},
            "container": {"default": "app"},
            "port": {"type": "int", "default": 8000},
            "grace_seconds": {"type": "int", "default": 60},
            "minimum_healthy_percent": {"type": "int", "default": 100},
            "maximum_percent": {"type": "int", "default": 200},
            **TAGS_OPTION,
            **STATE_OPTION,
            **WAIT_OPTIONS,
        },
        required_if=[("state", "present", ["task_definition", "target_group"])],
        supports_check_mode=True,
    )
    run(Service(module))


if __name__ == "__main__":
    main()
