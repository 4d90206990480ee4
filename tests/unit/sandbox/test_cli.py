"""The `sandbox` command, run as people run it: up twice, down, and up after a crash."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from sandbox.runtime import proc, processes
from tests.support import nets, shell
from tests.support.paths import STRANGE
from tests.support.waiting import until

NET, ANOTHER = nets.beside(2), nets.beside(3)


@dataclass(frozen=True, slots=True)
class Cli:
    """`sandbox`, with a folder and addresses of its own."""

    root: Path
    net: str = NET

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "SANDBOX_DIR": str(self.root), "SANDBOX_NET": self.net}
        return subprocess.run(
            [sys.executable, "-m", "sandbox", *words], env=environment, capture_output=True, text=True
        )

    def pid(self) -> int:
        return int((self.root / "supervisor.pid").read_text())

    def listening(self) -> set[str]:
        """Return the addresses of this sandbox's net on which a process listens."""
        found = psutil.net_connections("inet")
        return {one.laddr.ip for one in found if one.status == "LISTEN" and one.laddr.ip.startswith(f"{self.net}.")}


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    cli = Cli(tmp_path_factory.mktemp(STRANGE) / "sandbox")
    yield cli
    cli.run("down")


@pytest.fixture
def up(cli: Cli) -> Cli:
    done = cli.run("up")
    assert done.returncode == 0, done.stderr
    return cli


def test_help_names_every_command(cli: Cli) -> None:
    done = cli.run("--help")
    assert done.returncode == 0
    for command in ("up", "down", "status", "env", "logs", "url", "interrupt", "connect", "image"):
        assert re.search(rf"^    {command}\b", done.stdout, re.MULTILINE)
        assert cli.run(command, "--help").returncode == 0


@pytest.mark.parametrize("words", [["frobnicate"], [], ["connect", "printer"], ["image", "build", "."]])
def test_wrong_usage_is_2(cli: Cli, words: list[str]) -> None:
    done = cli.run(*words)
    assert done.returncode == 2
    assert "usage: sandbox" in done.stderr


def test_a_setting_that_is_none_is_2(tmp_path: Path) -> None:
    done = Cli(tmp_path / "sandbox", "10.0").run("up")
    assert done.returncode == 2
    assert "SANDBOX_NET" in done.stderr


@pytest.mark.parametrize(
    "words", [["status"], ["env"], ["url"], ["interrupt", "x"], ["connect"], ["image", "build", ".", "--tag", "1"]]
)
def test_what_needs_a_sandbox_says_how_to_start_it(tmp_path: Path, words: list[str]) -> None:
    done = Cli(tmp_path / "sandbox").run(*words)
    assert (done.returncode, done.stdout) == (3, "")
    assert "the sandbox is not running. Start it: sandbox up" in done.stderr


def test_down_without_a_sandbox_is_fine(tmp_path: Path) -> None:
    assert Cli(tmp_path / "sandbox").run("down").returncode == 0
    assert not (tmp_path / "sandbox").exists()


def test_up_twice_leaves_the_first_alone(up: Cli) -> None:
    pid = up.pid()
    done = up.run("up")
    assert (done.returncode, up.pid()) == (0, pid)
    assert f"already running: https://{NET}.0.1:8443 (pid {pid})" in done.stdout


AWS_COMMANDS = {
    "sts GetCallerIdentity": "sts get-caller-identity",
    "rds DescribeDBInstances": "rds describe-db-instances",
    "ecs DescribeServices": "ecs describe-services --services app",
    "elbv2 DescribeTargetHealth": "elbv2 describe-target-health --target-group-arn arn",
    "elasticache DescribeReplicationGroups": "elasticache describe-replication-groups",
    "s3 ListBuckets": "s3 ls",
    "logs FilterLogEvents": "logs filter-log-events --log-group-name /ecs/stack",
}


@pytest.mark.parametrize("settings", [shell.wrong, shell.right], ids=["wrong", "right"])
def test_env_leads_every_command_of_the_aws_cli_here(up: Cli, settings: shell.Settings, tmp_path: Path) -> None:
    """Each is answered, if only with a refusal, by the sandbox, whatever account the shell was for."""
    journal = up.root / "api.jsonl"
    before = len(journal.read_text().splitlines())
    commands = " ".join(f"aws {words} &" for words in AWS_COMMANDS.values())
    script = f'eval "$({sys.executable} -m sandbox env)" && {{ {commands} wait; }}'
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SANDBOX_DIR": str(up.root),
        "SANDBOX_NET": NET,
        "HOME": str(up.root.parent),
    }
    with shell.elsewhere(f"{NET}.0.77") as place:
        environment |= settings(place, tmp_path)
        done = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, text=True)
        assert place.met == []
    calls = [json.loads(line) for line in journal.read_text().splitlines()[before:]]
    assert {f"{one['service']} {one['operation']}" for one in calls} == set(AWS_COMMANDS), done.stderr
    assert {one["principal"] for one in calls} == {"arn:aws:iam::123456789012:user/operator"}


def test_status_tells_who_listens_where(up: Cli) -> None:
    done = up.run("status")
    assert done.returncode == 0
    assert re.search(rf"^supervisor +{up.pid()} .*{NET}\.0\.1:8443", done.stdout, re.MULTILINE)
    assert re.search(rf"^envoy +\d+ .*{NET}\.0\.3:9901", done.stdout, re.MULTILINE)


def test_logs_are_listed_printed_and_missed(up: Cli) -> None:
    listed = up.run("logs").stdout
    assert {line.split()[0] for line in listed.splitlines()} >= {"sandbox", "envoy", "api"}
    assert up.run("logs", "sandbox").returncode == 0
    missed = up.run("logs", "nonsense")
    assert missed.returncode == 1
    assert "there is no log 'nonsense'. There are: " in missed.stderr


def test_connect_and_image_say_what_is_missing(up: Cli) -> None:
    for words in (["connect", "database"], ["url"], ["image", "build", ".", "--tag", "1"]):
        done = up.run(*words)
        assert done.returncode == 1
        assert "Run" in done.stderr


def test_only_what_runs_on_spot_can_be_interrupted(up: Cli) -> None:
    done = up.run("interrupt", "0123456789abcdef0123456789abcdef")
    assert done.returncode == 1
    assert "runs on FARGATE_SPOT" in done.stderr and "There are: none" in done.stderr


def test_faults_are_chosen_at_the_start(up: Cli) -> None:
    done = up.run("up", "--faults")
    assert done.returncode == 1
    assert "First: sandbox down" in done.stderr
    assert up.run("up", "--faults", "often").returncode == 2


def test_no_file_is_for_others_and_no_port_for_the_world(up: Cli) -> None:
    up.run("status")
    wide = [path for path in up.root.rglob("*") if not path.is_symlink() and path.stat().st_mode & 0o077]
    assert wide == []
    mine = {up.pid(), *(one.pid for one in processes.running(up.root))}
    ports = [one for one in psutil.net_connections("inet") if one.pid in mine and one.status == "LISTEN"]
    assert ports
    assert [one.laddr.ip for one in ports if not one.laddr.ip.startswith("127.")] == []


def test_after_the_supervisors_death_up_starts_clean_and_says_so(up: Cli) -> None:
    pid = up.pid()
    os.kill(pid, signal.SIGKILL)
    until(lambda: not proc.entry(pid))
    assert up.run("status").returncode == 3
    (up.root / "leftover").write_text("of the dead")
    done = up.run("up")
    assert done.returncode == 0, done.stderr
    assert f"the supervisor of before (pid {pid}) died" in done.stdout
    assert up.pid() != pid
    assert not (up.root / "leftover").exists()


def test_down_after_the_supervisors_death_leaves_nothing(up: Cli) -> None:
    pid = up.pid()
    os.kill(pid, signal.SIGKILL)
    until(lambda: not proc.entry(pid))
    done = up.run("down")
    assert done.returncode == 0
    assert not (up.root / "supervisor.pid").exists()
    until(lambda: up.listening() == set())  # the kernel takes a killed process's sockets last


def test_envoy_comes_back_after_kill(up: Cli) -> None:
    def envoy() -> int | None:
        return next((one.pid for one in processes.running(up.root) if one.name == "envoy"), None)

    before = envoy()
    assert before
    os.kill(before, signal.SIGKILL)
    until(lambda: envoy() not in (None, before), "Envoy stays dead")


def test_down_keeps_images_and_nothing_else(up: Cli) -> None:
    images = up.root / "images"
    images.mkdir(exist_ok=True)
    (images / "kept").write_text("")
    pids = [up.pid(), *(one.pid for one in processes.running(up.root))]
    done = up.run("down")
    assert done.returncode == 0
    assert [pid for pid in pids if proc.entry(pid)] == []
    assert up.listening() == set()
    assert {path.name for path in up.root.iterdir()} <= {"images", "layout", "supervisor.lock"}
    assert (images / "kept").exists()


def test_what_another_version_left_is_cleared_and_said(tmp_path: Path) -> None:
    cli = Cli(tmp_path / "sandbox", ANOTHER)
    images = cli.root / "images"
    images.mkdir(parents=True)
    (images / "old").touch()
    (cli.root / "layout").write_text("0")
    try:
        done = cli.run("up")
        assert done.returncode == 0, done.stderr
        assert "another version of the sandbox left its images here" in done.stdout
        assert not (images / "old").exists()
    finally:
        cli.run("down")
    assert "another version" not in cli.run("down").stdout


def test_a_full_disk_is_named_with_the_cure_and_up_works_once_there_is_room(tmp_path: Path) -> None:
    """No file may grow beyond 1 KiB: as on a disk without room, but for nobody else."""
    cli = Cli(tmp_path / "sandbox", ANOTHER)
    environment = {**os.environ, "SANDBOX_DIR": str(cli.root), "SANDBOX_NET": cli.net}
    command = f"ulimit -f 1; exec {sys.executable} -m sandbox up"
    done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "the disk is full, or a quota used up" in done.stderr
    assert str(cli.root) in done.stderr and "SANDBOX_DIR" in done.stderr
    assert processes.running(cli.root) == []
    assert cli.run("up").returncode == 0
    assert cli.run("down").returncode == 0


@pytest.mark.parametrize("taken", [("0.1", 8443), ("0.2", 8080), ("0.3", 9901)])
def test_a_taken_port_is_named_with_the_cure(tmp_path: Path, taken: tuple[str, int]) -> None:
    cli = Cli(tmp_path / "sandbox", ANOTHER)
    address = (f"{cli.net}.{taken[0]}", taken[1])
    with socket.create_server(address):
        done = cli.run("up")
    assert done.returncode == 1
    assert f"{address[0]}:{address[1]} is taken" in done.stderr
    assert "SANDBOX_NET=" in done.stderr
    assert processes.running(cli.root) == []
