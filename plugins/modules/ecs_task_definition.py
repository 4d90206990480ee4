#!/usr/bin/python
"""Own module because community.aws.ecs_taskdefinition registers a new revision for every difference in key order or default."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_task_definition
short_description: A Fargate task definition with one container
description:
  - Registers a new revision when the newest active one differs, else gives that one. Never deregisters any.
options:
  family: {description: Family, type: str, required: true}
  image: {description: Image with its digest, type: str, required: true}
  command: {description: Command of the container; the image's own when empty, type: list, elements: str, default: []}
  cpu: {description: "CPU units, 1024 a vCPU", type: int, required: true}
  memory: {description: MiB, type: int, required: true}
  architecture: {description: Of the processor, type: str, choices: [X86_64, ARM64], default: X86_64}
  port: {description: The port on which the container listens, type: int}
  stop_timeout: {description: "Seconds from SIGTERM to SIGKILL, 120 at most", type: int, default: 30}
  environment: {description: Environment, type: dict, default: {}}
  secrets: {description: "Environment from Secrets Manager: name and valueFrom", type: dict, default: {}}
  execution_role_arn: {description: The role that pulls the image and reads the secrets, type: str, required: true}
  task_role_arn: {description: The role of the application, type: str, required: true}
  log_group: {description: Where standard output goes, type: str, required: true}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules, resource.tags]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Register the application's task definition
  ecs_task_definition:
    family: campshub360-tier1-app
    image: 123456789012.dkr.ecr.us-east-1.amazonaws.com/campshub360-tier1@sha256:4f1c...
    cpu: 2048
    memory: 4096
    port: 8000
    execution_role_arn: arn:aws:iam::123456789012:role/campshub360-tier1-execution
    task_role_arn: arn:aws:iam::123456789012:role/campshub360-tier1-task
    log_group: /ecs/campshub360-tier1
"""

RETURN = r"""
resource: {description: "The revision's state, with its arn", type: dict, returned: success}
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.resource import TAGS_OPTION, Resource, State, run
from ops.aws.tags import aws_texts, tags_from, tags_to

CONTAINER = "app"
REVISIONS = 10  # of a family that are looked at, newest first
FIELDS = ("image", "command", "cpu", "memory", "architecture", "port", "stop_timeout", "environment", "secrets",
          "execution_role_arn", "task_role_arn", "log_group", "tags")  # fmt: skip


def state_from(definition: State, tags: State) -> State:
    """Return a described task definition in our options."""
    container = definition["containerDefinitions"][0]
    return {
        "arn": definition["taskDefinitionArn"],
        "image": container["image"],
        "command": container.get("command", []),
        "cpu": int(definition["cpu"]),
        "memory": int(definition["memory"]),
        "architecture": definition.get("runtimePlatform", {}).get("cpuArchitecture", "X86_64"),
        "port": next((mapping["containerPort"] for mapping in container.get("portMappings", [])), None),
        "stop_timeout": container.get("stopTimeout"),
        "environment": {pair["name"]: pair["value"] for pair in container.get("environment", [])},
        "secrets": {pair["name"]: pair["valueFrom"] for pair in container.get("secrets", [])},
        "execution_role_arn": definition.get("executionRoleArn"),
        "task_role_arn": definition.get("taskRoleArn"),
        "log_group": container.get("logConfiguration", {}).get("options", {}).get("awslogs-group"),
        "tags": tags,
    }


def described(answer: State) -> State:
    """Return the state in an answer of DescribeTaskDefinition or RegisterTaskDefinition."""
    return state_from(answer["taskDefinition"], tags_from(answer.get("tags", []), "key", "value"))


def request_from(family: str, region: str, desired: State) -> State:
    """Return the parameters of RegisterTaskDefinition. CPU and memory are the task's, not the container's."""
    options = {"awslogs-group": desired["log_group"], "awslogs-region": region, "awslogs-stream-prefix": family}
    container: State = {
        "name": CONTAINER,
        "image": desired["image"],
        "essential": True,
        "stopTimeout": desired["stop_timeout"],
        "environment": tags_to(desired["environment"], "name", "value"),
        "secrets": tags_to(desired["secrets"], "name", "valueFrom"),
        "logConfiguration": {"logDriver": "awslogs", "options": options},
    }
    if desired["command"]:
        container["command"] = desired["command"]
    if desired["port"]:
        container["portMappings"] = [{"containerPort": desired["port"], "protocol": "tcp"}]
    return {
        "family": family,
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": str(desired["cpu"]),
        "memory": str(desired["memory"]),
        "runtimePlatform": {"cpuArchitecture": desired["architecture"], "operatingSystemFamily": "LINUX"},
        "executionRoleArn": desired["execution_role_arn"],
        "taskRoleArn": desired["task_role_arn"],
        "containerDefinitions": [container],
        "tags": tags_to(desired["tags"], "key", "value"),
    }


class TaskDefinition(Resource):
    noun = "task definition"

    def __init__(self, module: AnsibleAWSModule) -> None:
        super().__init__(module)
        self.ecs = module.client("ecs")
        self.registered: State | None = None

    @property
    def name(self) -> str:
        return str(self.params["family"])

    def read(self) -> State | None:
        """Return the newest revision with the desired state, else the newest: a failed release may have registered others."""
        if self.registered:  # ECS is eventually consistent: the family's list may not hold it yet
            return self.registered
        answer = self.ecs.list_task_definitions(familyPrefix=self.name, sort="DESC", maxResults=REVISIONS)
        revisions = [self.describe(arn) for arn in answer["taskDefinitionArns"]]
        desired = self.desired(None)
        same = (one for one in revisions if all(one[field] == value for field, value in desired.items()))
        return next(same, revisions[0] if revisions else None)

    def describe(self, arn: str) -> State:
        return described(self.ecs.describe_task_definition(taskDefinition=arn, include=["TAGS"]))

    def desired(self, found: State | None) -> State:
        texts = {"environment": aws_texts(self.params["environment"])}
        return {field: self.params[field] for field in FIELDS} | texts

    def create(self, desired: State) -> None:
        answer = self.ecs.register_task_definition(**request_from(self.name, self.module.region, desired))
        self.registered = described(answer)

    def update(self, found: State, changes: State) -> None:
        self.create(self.desired(found))

    def planned(self, found: State | None, desired: State) -> State:
        return {**desired, "arn": f"{self.name}, its next revision"}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "family": {"required": True},
            "image": {"required": True},
            "command": {"type": "list", "elements": "str", "default": []},
            "cpu": {"type": "int", "required": True},
            "memory": {"type": "int", "required": True},
            "architecture": {"choices": ["X86_64", "ARM64"], "default": "X86_64"},
            "port": {"type": "int"},
            "stop_timeout": {"type": "int", "default": 30},
            "environment": {"type": "dict", "default": {}},
            "secrets": {"type": "dict", "default": {}, "no_log": False},
            "execution_role_arn": {"required": True},
            "task_role_arn": {"required": True},
            "log_group": {"required": True},
            **TAGS_OPTION,
        },
        supports_check_mode=True,
    )
    run(TaskDefinition(module))


if __name__ == "__main__":
    main()
