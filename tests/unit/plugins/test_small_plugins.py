"""The pure parts of the small plugins."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ops.stack.discovery import current_version, subnets_of
from plugins.callback.progress import indented, progress, table
from plugins.connection.warm_local import environment_of
from plugins.filter.secrets import pinned_secrets
from plugins.modules.ecs_run import failure, last_words
from plugins.modules.https_check import mismatch


def test_secrets_are_pinned_to_their_present_version() -> None:
    found = {"database": {"arn": "arn:aws:secretsmanager:r:1:secret:database-x", "version_id": "v1"}}
    desired = {"PASSWORD": {"secret": "database", "key": "password"}, "KEY": {"secret": "gone"}}
    assert pinned_secrets(desired, found) == {
        "PASSWORD": "arn:aws:secretsmanager:r:1:secret:database-x:password::v1",
        "KEY": "secret-pending:::",
    }


def test_the_current_version_is_the_one_with_the_stage() -> None:
    assert current_version({"VersionIdsToStages": {"a": ["AWSPREVIOUS"], "b": ["AWSCURRENT"]}}) == "b"
    assert current_version({}) == ""


def test_subnets_come_in_the_order_of_their_zones() -> None:
    def subnet(name: str, zone: str, tier: str) -> dict[str, Any]:
        return {"SubnetId": name, "AvailabilityZone": zone, "Tags": [{"Key": "Tier", "Value": tier}]}

    subnets = [subnet("b", "us-east-1b", "app"), subnet("a", "us-east-1a", "app"), subnet("d", "us-east-1a", "data")]
    assert subnets_of("app", subnets) == ["a", "b"]


def test_the_environment_of_a_task_is_read_from_its_command() -> None:
    command = """/bin/sh -c 'AWS_REGION=us-east-1 AWS_CA_BUNDLE='"'"'/a b/ca.pem'"'"' /venv/bin/python && sleep 0'"""
    assert environment_of(command) == {"AWS_REGION": "us-east-1", "AWS_CA_BUNDLE": "/a b/ca.pem"}
    assert environment_of("/bin/sh -c 'python && sleep 0'") == {}


def service(running: int, older: int = 0, state: str = "COMPLETED") -> dict[str, Any]:
    deployments = [{"status": "PRIMARY", "runningCount": running, "rolloutState": state}]
    if older:
        deployments.append({"status": "ACTIVE", "runningCount": older})
    return {"desiredCount": 3, "deployments": deployments}


def test_a_one_off_task_succeeds_only_with_exit_code_0() -> None:
    assert failure({"containers": [{"exitCode": 0}]}) is None
    assert failure({"containers": [{"exitCode": 3}]}) == "it ended with exit code 3"
    assert failure({"containers": [{"reason": "CannotPullContainerError: gone"}]}) == "CannotPullContainerError: gone"
    assert failure({"containers": [{}], "stoppedReason": "Spot"}) == "Spot"


def test_an_answer_is_compared_by_status_and_headers() -> None:
    assert mismatch(200, {"x-release": "1.0.0"}, 200, {"X-Release": "1.0.0"}) is None
    assert "503" in str(mismatch(503, {}, 200, {}))
    assert "0.9.0" in str(mismatch(200, {"x-release": "0.9.0"}, 200, {"X-Release": "1.0.0"}))


def test_progress_and_time_are_plain_lines() -> None:
    assert progress({"progress": "1 of 3"}) == "1 of 3"
    assert table({"network": 4.25, "dns": 0.5}) == ["  network     4.2 s", "  dns         0.5 s"]
    assert indented("one\ntwo") == ["  one", "  two"]


def test_a_failed_command_says_why_in_one_line() -> None:
    error = '{"level": "ERROR", "message": "migrate failed", "detail": "no such column\\nLINE 1: SELECT"}'
    assert last_words(['{"message": "begun"}', error, "Traceback"]) == "no such column"
    assert last_words(['{"message": "begun"}']) == "begun"
    assert last_words(["no JSON", "[1]"]) == ""


ROLE = {
    "meta/argument_specs.yml": "argument_specs: {main: {options: {one_word: {required: true}}}}",
    "tasks/main.yml": "- {name: Say it, ansible.builtin.debug: {msg: '{{ one_word }}'}}\n"
    "- {name: Leave it, ansible.builtin.debug: {msg: no}, when: false}\n",
}
PLAY = "- {hosts: all, gather_facts: false, roles: [{role: one, one_word: hello}]}"


def test_the_log_names_each_task_once_before_what_came_of_it_and_not_what_ansible_put_in(tmp_path: Path) -> None:
    for name, text in ROLE.items():
        path = tmp_path / "roles/one" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "play.yml").write_text(PLAY)
    ran = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", "here,", "-c", "local", tmp_path / "play.yml"],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "ANSIBLE_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=True,
    )
    told = [line.rstrip(" *") for line in ran.stdout.splitlines() if line.startswith(("TASK", "ok", "skipping"))]
    assert told == ["TASK [one : Say it]", "ok: [here] =>", "TASK [one : Leave it]", "skipping: [here]"]
