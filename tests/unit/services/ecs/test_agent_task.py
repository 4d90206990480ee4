"""Tasks: the environment of their processes, their lifecycle, and why one does not start."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.services.ecs import controller as ecs
from sandbox.services.ecs.agent import network as ecs_network
from sandbox.services.ecs.controller import EcsController
from tests.support.paths import STRANGE
from tests.support.sandbox.cluster import Stack, forget, stack
from tests.support.sandbox.dataplane import eventually, running

TELL = """\
import json, os, sys
names = ("GREETING", "COLOUR", "PASSWORD", "WHOLE", "AWS_REGION", "HOME", "SANDBOX_ADDRESS")
print(json.dumps({name: os.environ.get(name) for name in names} | {"argv": sys.argv[1:]}))
print("on stderr", file=sys.stderr)
open(os.path.join(os.environ["TMPDIR"], "scratch"), "w").close()
sys.exit(int(sys.argv[1]) if sys.argv[1].isdigit() else 0)
"""
SERVE = """\
import signal, sys, time
def end(*_):
    print("ending")
    if sys.argv[1] != "stubborn":
        sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("ready", sys.argv[1])
while True:
    time.sleep(0.05)
"""
WHO = """\
import boto3
print(boto3.client("sts").get_caller_identity()["Arn"])
"""


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    forget()
    root = tmp_path_factory.mktemp(STRANGE) / "sandbox"
    with running(root, EcsController) as stage, stack(stage, tmp_path_factory.mktemp("i")) as made:
        made.image("tell", TELL)
        made.image("serve", SERVE)
        yield made


def image(tag: str) -> str:
    return f"123456789012.dkr.ecr.us-east-1.amazonaws.com/app:{tag}"


def test_a_task_gets_what_its_definition_says(there: Stack) -> None:
    secret = there.secrets.create_secret(
        Name="stack/database", SecretString=json.dumps({"username": "app", "password": "s3cret"})
    )["ARN"]
    definition = there.define(
        image("tell"),
        environment=[{"name": "GREETING", "value": "welcome"}, {"name": "COLOUR", "value": "red"}],
        secrets=[
            {"name": "PASSWORD", "valueFrom": f"{secret}:password::"},
            {"name": "WHOLE", "valueFrom": secret},
        ],
    )
    arn = there.run(
        definition,
        overrides={
            "containerOverrides": [
                {
                    "name": "app",
                    "command": ["3", "words"],
                    "environment": [{"name": "COLOUR", "value": "blue"}],
                }
            ]
        },
        tags=[{"key": "Stack", "value": "one"}],
        startedBy="release",
    )
    task = there.reaches(arn, "STOPPED")
    line, *rest = there.said(arn)
    said = json.loads(line)
    assert rest == ["on stderr"]
    assert said["argv"] == ["3", "words"]
    assert (said["GREETING"], said["COLOUR"], said["AWS_REGION"]) == (
        "welcome",
        "blue",
        "us-east-1",
    )
    assert said["PASSWORD"] == "s3cret"
    assert json.loads(said["WHOLE"])["username"] == "app"
    [container] = task["containers"]
    assert container["exitCode"] == 3
    assert container["lastStatus"] == "STOPPED"
    assert task["stopCode"] == "EssentialContainerExited"
    assert task["stoppedReason"] == "Essential container in task exited"
    assert task["startedBy"] == "release"
    assert task["tags"] == [{"key": "Stack", "value": "one"}]
    assert task["createdAt"] < task["startedAt"] < task["stoppedAt"]
    pushed = there.ecr.describe_images(repositoryName="app", imageIds=[{"imageTag": "tell"}])
    assert container["imageDigest"] == pushed["imageDetails"][0]["imageDigest"]


def test_secrets_are_read_as_the_execution_role(there: Stack) -> None:
    secret = there.secrets.create_secret(Name="stack/token", SecretString="t")["ARN"]
    definition = there.define(image("tell"), secrets=[{"name": "TOKEN", "valueFrom": secret}])
    arn = there.run(definition)
    there.reaches(arn, "STOPPED")
    journal = (there.stage.sandbox.settings.root / "api.jsonl").read_text().splitlines()
    reads = [c for c in map(json.loads, journal) if c["operation"] == "GetSecretValue"]
    identity = arn.rpartition("/")[2]
    assert f"arn:aws:sts::123456789012:assumed-role/execution/{identity}-execution" in {
        read["principal"] for read in reads
    }


def test_a_task_has_an_interface_and_leaves_nothing(there: Stack) -> None:
    arn = there.run(there.define(image("serve")), "patient")
    task = there.reaches(arn, "RUNNING")
    details = {d["name"]: d["value"] for d in task["attachments"][0]["details"]}
    address = details["privateIPv4Address"]
    [subnet] = there.ec2.describe_subnets(SubnetIds=[details["subnetId"]])["Subnets"]
    assert ipaddress.ip_address(address) in ipaddress.ip_network(subnet["CidrBlock"])
    assert task["availabilityZone"] == subnet["AvailabilityZone"]
    assert task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"] == address
    interface = {"NetworkInterfaceIds": [details["networkInterfaceId"]]}
    [eni] = there.ec2.describe_network_interfaces(**interface)["NetworkInterfaces"]
    assert (eni["Status"], eni["PrivateIpAddress"]) == ("in-use", address)
    settings = there.stage.sandbox.settings
    scratch = settings.root / "tasks" / arn.rpartition("/")[2]
    names = settings.root / "addresses.json"
    assert scratch.is_dir()
    assert f"ip/{there.stage.vpc}/{address}" in names.read_text()

    there.ecs.stop_task(cluster="stack", task=arn)
    there.reaches(arn, "STOPPED")
    assert not scratch.exists()
    assert f"ip/{there.stage.vpc}/{address}" not in names.read_text()
    with pytest.raises(ClientError, match="does not exist"):
        there.ec2.describe_network_interfaces(**interface)


def test_a_task_that_could_not_be_cleaned_up_yet_stops_all_the_same(
    there: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    really, failures = ecs_network.detach, [OSError("too many open files")]

    def fails_once(*arguments: Any) -> None:
        if failures:
            raise failures.pop()
        really(*arguments)

    monkeypatch.setattr(ecs_network, "detach", fails_once)
    arn = there.run(there.define(image("serve")), "patient")
    there.reaches(arn, "RUNNING")
    there.ecs.stop_task(cluster="stack", task=arn)
    there.reaches(arn, "STOPPED")
    assert failures == []


def test_sigterm_first(there: Stack) -> None:
    arn = there.run(there.define(image("serve")), "patient")
    there.reaches(arn, "RUNNING")
    eventually(lambda: there.said(arn))
    stopping = there.ecs.stop_task(cluster="stack", task=arn, reason="enough")["task"]
    assert (stopping["desiredStatus"], stopping["stoppedReason"]) == ("STOPPED", "enough")
    task = there.reaches(arn, "STOPPED")
    assert there.said(arn) == ["ready patient", "ending"]
    assert task["containers"][0]["exitCode"] == 0
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "enough")


def test_sigkill_after_the_stop_timeout(there: Stack) -> None:
    arn = there.run(there.define(image("serve"), stopTimeout=1), "stubborn")
    there.reaches(arn, "RUNNING")
    eventually(lambda: there.said(arn))
    there.ecs.stop_task(cluster="stack", task=arn)
    task = there.reaches(arn, "STOPPED")
    assert there.said(arn) == ["ready stubborn", "ending"]
    assert task["containers"][0]["exitCode"] == 137


def test_a_task_speaks_as_its_role(there: Stack) -> None:
    there.image("who", WHO)
    arn = there.run(there.define(image("who"), stopTimeout=1))
    assert there.reaches(arn, "STOPPED")["containers"][0]["exitCode"] == 0
    identity = arn.rpartition("/")[2]
    assert there.said(arn) == [f"arn:aws:sts::123456789012:assumed-role/task/{identity}"]


def test_lists_tell_what_runs_and_what_ran(there: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    definition = there.define(image("serve"), family="listed")
    first, second = there.run(definition, startedBy="a"), there.run(definition, startedBy="b")

    def listed(**filters: str) -> set[str]:
        return set(there.ecs.list_tasks(cluster="stack", family="listed", **filters)["taskArns"])

    assert listed() == {first, second}
    assert listed(startedBy="a") == {first}
    there.ecs.stop_task(cluster="stack", task=first)
    assert listed() == {second}
    assert listed(desiredStatus="STOPPED") == {first}
    there.reaches(first, "STOPPED")
    monkeypatch.setattr(ecs, "VISIBLE_MINUTES", 1)  # instead of an hour
    eventually(lambda: not listed(desiredStatus="STOPPED"))
    there.ecs.stop_task(cluster="stack", task=second)
    answer = there.ecs.describe_tasks(cluster="stack", tasks=[first])
    assert [failure["reason"] for failure in answer["failures"]] == ["MISSING"]


def missing_group(**options: str) -> dict[str, Any]:
    place = {"awslogs-group": "/ecs/none", "awslogs-region": "us-east-1"}
    choices = place | {"awslogs-stream-prefix": "app"} | options
    return {"logConfiguration": {"logDriver": "awslogs", "options": choices}}


def secret(reference: str) -> dict[str, Any]:
    return {"secrets": [{"name": "X", "valueFrom": reference}]}


SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:stack/none-AbCdEf"
UNREAD = "ResourceInitializationError: unable to pull secrets or registry auth: "


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"image": image("9.9.9")}, "CannotPullContainerError: .*app:9.9.9: not found"),
        ({"image": image("tell").replace("app", "no")}, "CannotPullContainerError: .*not found"),
        ({"image": "nginx"}, "CannotPullContainerError: .*ECR repositories only"),
        (secret(SECRET), f"{UNREAD}.*ResourceNotFoundException"),
        (missing_group(), "ResourceInitializationError: .*log group does not exist"),
        (
            missing_group(**{"awslogs-create-group": "true"}),
            "ResourceInitializationError: .*logs:CreateLogGroup",
        ),
        ({"entryPoint": ["no-such-program"]}, 'CannotStartContainerError: .*"no-such-program"'),
    ],
)
def test_why_a_task_does_not_start(there: Stack, options: dict[str, Any], reason: str) -> None:
    chosen = {"image": image("tell")} | options
    arn = there.run(there.define(chosen.pop("image"), family="broken", **chosen))
    task = there.reaches(arn, "STOPPED")
    assert task["stopCode"] == "TaskFailedToStart"
    assert re.match(reason, task["stoppedReason"]), task["stoppedReason"]
    assert "exitCode" not in task["containers"][0]
    assert "startedAt" not in task


def test_a_secret_without_that_key(there: Stack) -> None:
    arn = there.secrets.create_secret(Name="stack/json", SecretString='{"a": 1}')["ARN"]
    task = there.run(there.define(image("tell"), **secret(f"{arn}:b::")))
    reason = there.reaches(task, "STOPPED")["stoppedReason"]
    assert reason.startswith(UNREAD)
    assert reason.endswith("did not contain json key b")


def test_a_secret_of_bytes(there: Stack) -> None:
    arn = there.secrets.create_secret(Name="stack/bytes", SecretBinary=b"\x00cAnAry0Zq7Wx9Vb3")["ARN"]
    task = there.run(there.define(image("tell"), **secret(arn)))
    reason = there.reaches(task, "STOPPED")["stoppedReason"]
    assert reason.startswith(UNREAD)
    assert reason.endswith("has no SecretString")


def test_a_role_that_may_not(there: Stack) -> None:
    readable = there.secrets.create_secret(Name="stack/mine", SecretString="x")["ARN"]
    other = there.secrets.create_secret(Name="stack/other", SecretString="x")["ARN"]
    role = there.role("narrow", ["ecr:*", "logs:*"])
    statement = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": readable}
    there.iam.put_role_policy(
        RoleName="narrow",
        PolicyName="secrets",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement}),
    )
    for reference, expected in ((readable, 0), (other, None)):
        arn = there.run(there.define(image("tell"), execution_role=role, **secret(reference)))
        task = there.reaches(arn, "STOPPED")
        assert task["containers"][0].get("exitCode") == expected, task["stoppedReason"]
    assert "not authorized to perform: secretsmanager:GetSecretValue" in task["stoppedReason"]


def test_a_role_that_ecs_may_not_assume(there: Stack) -> None:
    there.iam.create_role(RoleName="foreign", AssumeRolePolicyDocument=json.dumps({"Statement": []}))
    role = "arn:aws:iam::123456789012:role/foreign"
    arn = there.run(there.define(image("tell"), execution_role=role))
    assert "ECS was unable to assume the role" in there.reaches(arn, "STOPPED")["stoppedReason"]
