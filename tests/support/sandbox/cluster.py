"""A cluster that runs real tasks: tiny programs as images, and shorthand for ECS's calls."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from moto.backends import get_backend

from sandbox.aws_api.credentials import CredentialsServer
from sandbox.services.ecs import controller as ecs
from tests.support.sandbox.dataplane import Stage, eventually

ACCOUNT = "123456789012"
REGISTRY = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
GROUP = "/ecs/stack"
TRUST = {
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "ecs-tasks.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ]
}
EXECUTION = ["ecr:*", "logs:CreateLogStream", "logs:PutLogEvents", "secretsmanager:GetSecretValue"]


class Stack:
    """The resources that a release needs: repository, log group, roles, cluster."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.stage, self.folder = stage, folder
        self.ecs, self.ecr = stage.client("ecs"), stage.client("ecr")
        self.ec2, self.logs = stage.client("ec2"), stage.client("logs")
        self.secrets, self.iam = stage.client("secretsmanager"), stage.client("iam")
        self.execution_role = self.role("execution", EXECUTION)
        self.task_role = self.role("task", [])
        self.logs.create_log_group(logGroupName=GROUP)
        self.ecr.create_repository(repositoryName="app", imageTagMutability="IMMUTABLE")
        self.ecs.create_cluster(clusterName="stack", capacityProviders=["FARGATE", "FARGATE_SPOT"])

    def role(self, name: str, actions: list[str], resource: str = "*") -> str:
        arn = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
        statement = {"Effect": "Allow", "Action": actions or ["sts:*"], "Resource": resource}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document)
        return str(arn["Role"]["Arn"])

    def image(self, tag: str, program: str) -> str:
        """Build and push an image that runs a Python program; return its reference."""
        folder = self.folder / tag
        folder.mkdir()
        (folder / "main.py").write_text(program)
        (folder / "Dockerfile").write_text(
            "FROM scratch\nENV GREETING=hello PYTHONUNBUFFERED=1\nWORKDIR /app\nCOPY . .\n"
            'ENTRYPOINT ["python", "main.py"]\nCMD ["default"]\n'
        )
        images = self.stage.sandbox.images
        manifest = images.get(images.build(folder)).decode()
        self.ecr.put_image(repositoryName="app", imageManifest=manifest, imageTag=tag)
        return f"{REGISTRY}/app:{tag}"

    def define(self, image: str, family: str = "app", **options: Any) -> str:
        """Register a task definition; options are those of its container."""
        log_options = {
            "awslogs-group": GROUP,
            "awslogs-region": "us-east-1",
            "awslogs-stream-prefix": family,
        }
        container = {
            "name": "app",
            "image": image,
            "portMappings": [{"containerPort": 8000}],
            "logConfiguration": {"logDriver": "awslogs", "options": log_options},
        }
        definition = self.ecs.register_task_definition(
            family=family,
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            executionRoleArn=options.pop("execution_role", self.execution_role),
            taskRoleArn=self.task_role,
            containerDefinitions=[container | options],
        )["taskDefinition"]
        return str(definition["taskDefinitionArn"])

    @property
    def network(self) -> dict[str, Any]:
        groups = [self.stage.security_group]
        vpc = {"subnets": [*self.stage.subnets], "securityGroups": groups}
        return {"awsvpcConfiguration": vpc}

    def run(self, definition: str, *command: str, **options: Any) -> str:
        """Run a task, with an override of its command; return its ARN."""
        overrides = {"containerOverrides": [{"name": "app", "command": [*command]}]}
        request = {"overrides": overrides if command else {}, "launchType": "FARGATE"} | options
        answer = self.ecs.run_task(
            cluster="stack",
            taskDefinition=definition,
            networkConfiguration=self.network,
            **request,
        )
        return str(answer["tasks"][0]["taskArn"])

    def task(self, arn: str) -> dict[str, Any]:
        answer = self.ecs.describe_tasks(cluster="stack", tasks=[arn], include=["TAGS"])
        return dict(answer["tasks"][0])

    def reaches(self, arn: str, status: str) -> dict[str, Any]:
        """Return the task when it has that status; fail if it stops instead."""

        def there() -> dict[str, Any] | None:
            task = self.task(arn)
            assert (
                task["lastStatus"] in (status, "STOPPED") or status != "RUNNING" or (task["desiredStatus"] == "RUNNING")
            ), task
            assert status == "STOPPED" or task["lastStatus"] != "STOPPED", task
            return task if task["lastStatus"] == status else None

        found: dict[str, Any] = eventually(there)
        return found

    def said(self, arn: str, family: str = "app") -> list[str]:
        """Return the task's lines in its log stream."""
        stream = f"{family}/app/{arn.rpartition('/')[2]}"
        events = self.logs.get_log_events(logGroupName=GROUP, logStreamName=stream)["events"]
        return [event["message"] for event in events]


@contextmanager
def stack(stage: Stage, folder: Path) -> Iterator[Stack]:
    """Create the resources in a Stage that runs EcsController; ECR needs to know where its blobs are."""
    with pytest.MonkeyPatch.context() as patch:
        settings = stage.sandbox.settings
        patch.setenv("SANDBOX_DIR", str(settings.root))
        patch.setattr(ecs, "VISIBLE_MINUTES", 10**6)  # an hour is 24 s here: what has stopped stays to be looked at
        credentials = CredentialsServer(
            settings.credentials_address, settings.credentials_port, stage.sandbox.principals
        )
        credentials.start()
        try:
            yield Stack(stage, folder)
        finally:
            credentials.stop()


def forget() -> None:
    """Reset moto's state of earlier tests."""
    for service in ("ecs", "ecr", "iam", "sts", "logs"):
        get_backend(service).reset()
