"""The roles of tasks may do what a whole rehearsal did, and nothing else.

Policies are read from the API, calls from api.jsonl: what tasks did, and the agent's reading of secrets. What the ECS
agent, S3 and Secrets Manager do in a role's name besides, and no journal shows, is added from AWS's documentation.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.policies import Policy, Request, allowed, concerns, listed, statements
from tests.support.stack import STACK, Sandbox

ROLES = ("task", "execution", "migration-execution")
REGION, ACCOUNT = "us-east-1", "123456789012"
NEIGHBOUR = "campshub360-tier2"
# Permissions are not always called like the operation they are for:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
ACTIONS = {
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:HeadBucket": "s3:ListBucket",
}
# What S3 asks KMS for in the caller's name: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
KMS_OF_S3 = {"s3:PutObject": "kms:GenerateDataKey", "s3:GetObject": "kms:Decrypt"}
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policy-examples.html#IAM_allow_pull_only
PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html
LOG = ("logs:CreateLogStream", "logs:PutLogEvents")
# Permissions that no rehearsal uses, and why they are given: (role, statement, action).
JUSTIFIED = {
    ("task", "KeepFiles", "s3:AbortMultipartUpload"): "a large upload that fails takes its parts back",
}


@dataclass(frozen=True, slots=True)
class Made:
    """A request, and the role in whose name it was made."""

    role: str
    request: Request


class Stack:
    """The stack's policies, and all that was done in their roles' names."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.client = sandbox.client
        self.key = self.client("kms").describe_key(KeyId=f"alias/{STACK}")["KeyMetadata"]["Arn"]
        secrets = self.client("secretsmanager").list_secrets()["SecretList"]
        self.secrets = {secret["ARN"]: secret for secret in secrets}
        buckets = [bucket["Name"] for bucket in self.client("s3").list_buckets()["Buckets"]]
        self.encrypted = {bucket for bucket in buckets if self.has_key(bucket)}
        self.policies = {role: self.policy(role) for role in ROLES}
        self.made = [*self.journalled(sandbox), *self.agents()]

    def policy(self, role: str) -> Policy:
        name = f"{STACK}-{role}"
        iam = self.client("iam")
        assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == []
        [policy] = iam.list_role_policies(RoleName=name)["PolicyNames"]
        return dict(iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"])

    def has_key(self, bucket: str) -> bool:
        found = self.client("s3").get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
        return bool(found[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms")

    def through(self, service: str, action: str) -> Request:
        """A service's use of the key for its caller."""
        return Request(action, self.key, {"kms:ViaService": f"{service}.{REGION}.amazonaws.com"})

    def journalled(self, sandbox: Sandbox) -> Iterator[Made]:
        for call in sandbox.calls():
            role = str(call["principal"]).partition(f":assumed-role/{STACK}-")[2].partition("/")[0]
            if role:
                for request in self.requests(call):
                    yield Made(role, request)

    def requests(self, call: dict[str, Any]) -> Iterator[Request]:
        """All that a call must be allowed: itself, and what the service does for it."""
        operation = f"{call['service']}:{call['operation']}"
        action, resource = ACTIONS.get(operation, operation), str(call["resource"])
        if call["service"] == "secretsmanager":
            yield from self.reading(resource)
            return
        yield Request(action, resource)
        bucket = resource.removeprefix("arn:aws:s3:::").partition("/")[0]
        if call["status"] == 404:  # without it, what is missing is forbidden: API_HeadObject.html
            yield Request("s3:ListBucket", f"arn:aws:s3:::{bucket}")
        elif bucket in self.encrypted and action in KMS_OF_S3:
            yield self.through("s3", KMS_OF_S3[action])

    def reading(self, arn: str) -> Iterator[Request]:
        secret = self.secrets[arn]
        tags = {f"aws:ResourceTag/{tag['Key']}": tag["Value"] for tag in secret["Tags"]}
        yield Request("secretsmanager:GetSecretValue", arn, tags)
        if secret.get("KmsKeyId"):
            yield self.through("secretsmanager", "kms:Decrypt")

    def agents(self) -> Iterator[Made]:
        """What ECS does in the execution role's name to start a task."""
        ecs = self.client("ecs")
        for arn in self.definitions(ecs):
            definition = ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
            role = definition["executionRoleArn"].partition(f"/{STACK}-")[2]
            container = definition["containerDefinitions"][0]
            repository = container["image"].partition("/")[2].partition("@")[0].partition(":")[0]
            group = container["logConfiguration"]["options"]["awslogs-group"]
            yield Made(role, Request("ecr:GetAuthorizationToken", "*"))
            for action in PULL:
                yield Made(role, Request(action, f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{repository}"))
            for action in LOG:
                stream = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:log-stream:app/app/0123"
                yield Made(role, Request(action, stream))

    def definitions(self, ecs: Any) -> list[str]:
        arns = ecs.list_task_definitions()["taskDefinitionArns"]
        return [arn for arn in arns if f"/{STACK}-" in arn]


@pytest.fixture(scope="module")
def stack(sandbox: Sandbox) -> Stack:
    verified = sandbox.play("runbook_run_command", "-e", '{"release_command": ["verify"]}')  # media too
    assert verified.code == 0, verified.output
    found = Stack(sandbox)
    assert {one.role for one in found.made} == set(ROLES), "not every role was used"
    return found


def refused(policies: dict[str, Policy], made: Iterable[Made]) -> set[str]:
    """What was done and is not allowed."""
    return {
        f"{one.role}: {one.request.action} on {one.request.resource}"
        for one in made
        if not allowed(policies[one.role], one.request)
    }


def unused(policies: dict[str, Policy], made: Iterable[Made]) -> set[tuple[str, str, str]]:
    """What is allowed and was never done: role, statement, action. A * is none of the actions that were done."""
    made = list(made)
    granted = {
        (role, statement["Sid"], action)
        for role, policy in policies.items()
        for statement in statements(policy)
        for action in listed(statement["Action"])
    }
    used = {
        (one.role, statement["Sid"], one.request.action)
        for one in made
        for statement in statements(policies[one.role])
        if concerns(statement, one.request)
    }
    return granted - used


def neighbours(made: Iterable[Made]) -> Iterator[Made]:
    """The same, done to another stack: its names, its tags, its key."""
    for one in made:
        context = {key: value.replace(STACK, NEIGHBOUR) for key, value in one.request.context.items()}
        resource = one.request.resource.replace(STACK, NEIGHBOUR)
        resource = f"{resource[:-4]}ffff" if ":key/" in resource else resource
        if (resource, context) != (one.request.resource, one.request.context):
            yield Made(one.role, Request(one.request.action, resource, context))


def test_all_that_was_done_is_allowed(stack: Stack) -> None:
    assert refused(stack.policies, stack.made) == set()


def test_all_that_is_allowed_was_done_or_has_its_reason(stack: Stack) -> None:
    assert unused(stack.policies, stack.made) == set(JUSTIFIED)


def test_nothing_of_another_stack_is_reached(stack: Stack) -> None:
    done_elsewhere = list(neighbours(stack.made))
    assert len(done_elsewhere) > len(ROLES)
    allowed_elsewhere = [one for one in done_elsewhere if allowed(stack.policies[one.role], one.request)]
    assert allowed_elsewhere == []


def test_the_key_serves_services_alone(stack: Stack) -> None:
    policy = stack.client("kms").get_key_policy(KeyId=stack.key, PolicyName="default")["Policy"]
    document = json.loads(policy)
    uses = [one.request for one in stack.made if one.request.action.startswith("kms:")]
    assert uses
    assert [use for use in uses if not allowed(document, use)] == []
    assert [use for use in uses if allowed(document, Request(use.action, use.resource))] == []


@pytest.mark.parametrize("role", ROLES)
def test_a_permission_taken_away_is_missed(stack: Stack, role: str) -> None:
    for sid in (statement["Sid"] for statement in statements(stack.policies[role])):
        less = copy.deepcopy(stack.policies)
        less[role]["Statement"] = [one for one in statements(less[role]) if one["Sid"] != sid]
        assert refused(less, stack.made), f"nobody misses {sid}"


@pytest.mark.parametrize("role", ROLES)
def test_a_wildcard_is_seen(stack: Stack, role: str) -> None:
    for number, statement in enumerate(statements(stack.policies[role])):
        more = copy.deepcopy(stack.policies)
        more[role]["Statement"][number]["Action"] = ["*", *listed(statement["Action"])]
        assert (role, statement["Sid"], "*") in unused(more, stack.made)
        if statement["Resource"] == "*":
            continue  # signing in to the registry is nobody's
        more[role]["Statement"][number] = {**statement, "Resource": "*", "Condition": {}}
        reached = [one for one in neighbours(stack.made) if one.role == role and allowed(more[role], one.request)]
        assert reached, f"{statement['Sid']} on everything reaches nobody"
