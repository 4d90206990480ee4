"""What each role of the stack may do, and that it's no more than that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).parents[3] / "roles/security/templates"
KEY = "arn:aws:kms:us-east-1:123456789012:key/0123"
VARIABLES: dict[str, Any] = {
    "stack_account_id": "123456789012",
    "stack_region": "us-east-1",
    "security_partition": "aws",
    "security_repository": "t1",
    "security_log_group": "/ecs/t1",
    "security_secret_prefix": "t1/",
    "security_database": "t1",
    "security_buckets": {"static": "t1-static", "media": "t1-media"},
    "security_load_balancer": "t1",
    "security_target_groups": ["t1-blue", "t1-green"],
    "__security_key_arn": KEY,
    "__security_service": "ecs-tasks.amazonaws.com",
}
ROLES = ["execution", "migration-execution", "task"]  # of tasks

Statements = dict[str, dict[str, Any]]


def statements(name: str, **changed: str) -> Statements:
    """The statements of a policy, by their Sid."""
    # As Ansible's template lookup sets it.
    environment = Environment(loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True)
    document = yaml.safe_load(environment.get_template(f"{name}.yml.j2").render(VARIABLES | changed))
    assert document["Version"] == "2012-10-17"
    return {statement["Sid"]: statement for statement in document["Statement"]}


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("role", ROLES)
def test_only_signing_in_to_the_registry_is_allowed_on_everything(role: str) -> None:
    anywhere = {sid for sid, one in statements(role).items() if "*" in listed(one["Resource"])}
    assert anywhere <= {"SignInToRegistry"}


@pytest.mark.parametrize("role", ROLES)
def test_no_action_is_a_wildcard(role: str) -> None:
    assert not [action for one in statements(role).values() for action in listed(one["Action"]) if "*" in action]


@pytest.mark.parametrize("role", ROLES)
def test_the_key_is_used_only_through_a_service(role: str) -> None:
    uses = [one for one in statements(role).values() if str(one["Action"]).count("kms:")]
    assert [one["Resource"] for one in uses] == [KEY]
    assert "kms:ViaService" in uses[0]["Condition"]["StringEquals"]


def test_migrations_read_the_master_password_of_this_database_alone() -> None:
    more = statements("migration-execution")
    assert more.keys() - statements("execution").keys() == {"InjectMasterSecret"}
    condition = more["InjectMasterSecret"]["Condition"]["StringEquals"]
    assert condition == {
        "aws:ResourceTag/aws:secretsmanager:owningService": "rds",
        "aws:ResourceTag/aws:rds:primaryDBInstanceArn": "arn:aws:rds:us-east-1:123456789012:db:t1",
    }


def test_the_application_reads_no_secret_and_deletes_no_static_file() -> None:
    task = statements("task")
    assert "secretsmanager" not in str([one["Action"] for one in task.values()])
    deletes = [one["Resource"] for one in task.values() if "s3:DeleteObject" in listed(one["Action"])]
    assert "static" not in str(deletes)


def test_ecs_moves_the_traffic_of_this_load_balancer_alone() -> None:
    role = statements("infrastructure")
    changing = {sid: one for sid, one in role.items() if sid != "LookAtLoadBalancers"}
    resources = [resource for one in changing.values() for resource in listed(one["Resource"])]
    prefix = "arn:aws:elasticloadbalancing:us-east-1:123456789012:"
    assert {one.removeprefix(prefix) for one in resources} == {
        "targetgroup/t1-blue/*", "targetgroup/t1-green/*", "listener/app/t1/*", "listener-rule/app/t1/*",
    }  # fmt: skip
    # as https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonECSInfrastructureRolePolicyForLoadBalancers.html
    assert {action for one in role.values() for action in listed(one["Action"])} == {
        f"elasticloadbalancing:{action}"
        for action in (
            "DescribeListeners", "DescribeRules", "DescribeTargetGroups", "DescribeTargetHealth",
            "RegisterTargets", "DeregisterTargets", "ModifyListener", "ModifyRule",
        )
    }  # fmt: skip
    assert {action.partition(":")[2][:8] for action in role["LookAtLoadBalancers"]["Action"]} == {"Describe"}


def test_only_tasks_of_this_account_and_region_assume_a_role() -> None:
    (statement,) = statements("trust").values()
    condition = statement["Condition"]
    assert statement["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
    assert condition["StringEquals"]["aws:SourceAccount"] == "123456789012"
    assert condition["ArnLike"]["aws:SourceArn"] == "arn:aws:ecs:us-east-1:123456789012:*"


def test_ecs_itself_is_trusted_as_aws_documents_it() -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/AmazonECSInfrastructureRolePolicyForLoadBalancers.html"""
    (statement,) = statements("trust", __security_service="ecs.amazonaws.com").values()
    assert statement["Principal"] == {"Service": "ecs.amazonaws.com"}
    assert "Condition" not in statement


def test_the_key_knows_every_service_that_encrypts_with_it_and_no_other() -> None:
    services = statements("key")["UsedThroughServices"]["Condition"]["StringEquals"]["kms:ViaService"]
    desired = ["dax", "ecr", "elasticache", "rds", "s3", "secretsmanager"]
    assert services == [f"{service}.us-east-1.amazonaws.com" for service in desired]


def test_nobody_decrypts_with_the_key_outside_a_service() -> None:
    key = statements("key")
    assert "Decrypt" not in str(key["AdministeredThroughIam"]["Action"])
    assert "kms:*" not in str(key)
    assert all("Condition" in one for one in key.values() if "kms:Decrypt" in one["Action"])
    assert "kms:Put*" in key["AdministeredThroughIam"]["Action"]
