"""The warm Python: modules run in forks of it as they would cold, and nothing of it outlives its controller."""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from ops.process.warm_server import RAN
from plugins.action.normal import OURS, importable_name
from plugins.connection.warm_local import SERVER, controller_pid
from tests.support.waiting import HANGS_SECONDS, until

CHECKOUT = Path(__file__).parents[4]

MODULE = """
import os, sys
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule(argument_spec={"do": {"required": True}}, supports_check_mode=True)
if module.params["do"] == "die":
    os.kill(os.getpid(), 9)
if module.params["do"] == "fail":
    module.fail_json(msg="as asked")
module.exit_json(seen=os.environ.get("SEEN"), cwd=os.getcwd(), check=module.check_mode, pid=os.getpid())
"""

Ask = Callable[..., tuple[int | None, dict[str, Any]]]


def serve(name: str, controller: int, folder: Path) -> subprocess.Popen[bytes]:
    """Return a warm server that finds modules in that folder."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", SERVER, name, str(controller)],
        stdin=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(folder)},
    )


def gone(server: str) -> bool:
    return f"{server}\n" not in Path("/proc/net/unix").read_text()


@pytest.fixture(scope="module")
def controller() -> Iterator[subprocess.Popen[bytes]]:
    """Stands for ansible-playbook: the server must end when it does."""
    with subprocess.Popen(["sleep", "infinity"]) as process:
        yield process
        process.kill()


@pytest.fixture(scope="module")
def server(controller: subprocess.Popen[bytes], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("modules")
    (folder / "odd.py").write_text(MODULE)
    name = f"campshub360-warm-test-{controller.pid}"
    with serve(name, controller.pid, folder) as process:
        assert process.stdin
        process.stdin.write(json.dumps({"services": ["sts"]}).encode())
        process.stdin.close()
        until(lambda: not gone(name))
        yield name
        controller.kill()
        assert process.wait(HANGS_SECONDS) == 0


@pytest.fixture(scope="module")
def ask(server: str, tmp_path_factory: pytest.TempPathFactory) -> Ask:
    cwd = tmp_path_factory.mktemp("cwd")

    def run(do: str, check: bool = False, **env: str) -> tuple[int | None, dict[str, Any]]:
        arguments = {"ANSIBLE_MODULE_ARGS": {"do": do, "_ansible_check_mode": check}}
        header = json.dumps(
            {
                "fqn": "odd",
                "profile": "legacy",
                "params": json.dumps(arguments),
                "env": env,
                "cwd": str(cwd),
                "umask": 0o022,
            }
        ).encode()
        out, err = os.memfd_create("out"), os.memfd_create("err")
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(f"\0{server}")
            socket.send_fds(connection, [len(header).to_bytes(8, "big")], [out, err])
            connection.sendall(header)
            kind, status = connection.recv(1), connection.recv(1)
            assert kind in (RAN, b"")
        text = os.pread(out, os.fstat(out).st_size, 0)
        os.close(out)
        os.close(err)
        return (status[0] if status else None), json.loads(text or b"{}")

    return run


def test_a_module_gets_its_arguments_environment_and_folder(ask: Ask) -> None:
    status, result = ask("report", check=True, SEEN="yes")
    assert (status, result["seen"], result["check"]) == (0, "yes", True)
    assert "cwd" in result["cwd"]


def test_nothing_is_left_of_a_module_for_the_next(ask: Ask) -> None:
    ask("report", SEEN="yes")
    _, second = ask("report")
    assert second["seen"] is None


def test_each_module_runs_in_a_process_of_its_own(ask: Ask) -> None:
    assert ask("report")[1]["pid"] != ask("report")[1]["pid"]


def test_a_failure_is_a_failure(ask: Ask) -> None:
    status, result = ask("fail")
    assert (status, result["failed"], result["msg"]) == (1, True, "as asked")


def test_a_killed_module_gives_no_answer_and_the_server_goes_on(ask: Ask) -> None:
    assert ask("die") == (None, {})
    assert ask("report")[0] == 0


def test_which_modules_are_handed_over_by_name() -> None:
    collections = Path("/venv/lib/ansible_collections")
    assert importable_name(OURS / "target_group.py") == "plugins.modules.target_group"
    name = importable_name(collections / "amazon/aws/plugins/modules/ec2_vpc_net.py")
    assert name == "ansible_collections.amazon.aws.plugins.modules.ec2_vpc_net"
    assert importable_name(collections / "ansible/posix/plugins/modules/acl.py") is None
    assert importable_name(Path("/venv/lib/ansible/modules/command.py")) is None


PLAYBOOK = """
- hosts: all
  gather_facts: false
  environment:
    {AWS_ENDPOINT_URL: "http://127.0.0.1:1", AWS_ACCESS_KEY_ID: a, AWS_SECRET_ACCESS_KEY: bcd, AWS_MAX_ATTEMPTS: "1"}
  tasks:
    - name: A module of a collection
      amazon.aws.aws_caller_info: {region: us-east-1}
      register: theirs
      failed_when: false
    - name: A module of ours
      https_check: {url: "https://127.0.0.1:1/", timeout: 0}
      register: ours
      failed_when: false
    - name: What is not handed over
      ansible.builtin.command: echo cold
      register: other
      changed_when: false
    - name: Results
      ansible.builtin.copy:
        content: "{{ [theirs.msg, ours.msg, other.stdout] | to_json }}"
        dest: "{{ out }}"
        mode: "0600"
"""


def test_warm_and_cold_give_the_same(tmp_path: Path) -> None:
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    results = []
    for connection in ("warm_local", "local"):
        out = tmp_path / connection
        command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "here,", str(tmp_path / "play.yml")]
        with subprocess.Popen(
            [*command, "-e", f"ansible_connection={connection} out={out}"],
            cwd=CHECKOUT,
            env={**os.environ, "ANSIBLE_HOME": str(tmp_path / "home")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        ) as run:
            try:
                assert run.wait(HANGS_SECONDS) == 0
            finally:
                run.kill()
        until(partial(gone, f"campshub360-warm-{run.pid}"))
        results.append(json.loads(out.read_text()))
    assert results[0] == results[1]
    assert "http://127.0.0.1:1" in results[0][0]
    assert results[0][2] == "cold"


def test_for_a_controller_that_was_killed_meanwhile_no_server_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its worker is init's child by then: a server that waited for its parent's end would stay for ever."""
    with subprocess.Popen(["true"]) as dead:
        dead.wait()
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: SimpleNamespace(pid=dead.pid))
    assert controller_pid() == dead.pid
    name = f"campshub360-warm-test-{dead.pid}"
    with serve(name, dead.pid, CHECKOUT) as server:
        assert server.wait(HANGS_SECONDS) == 0
    assert gone(name)


ENDLESS = """
- hosts: all
  gather_facts: false
  tasks:
    - {name: Wait, ansible.builtin.command: "false", register: it, until: it.rc == 0, retries: 1000000, delay: 0.1}
"""


def test_a_worker_does_not_outlive_a_playbook_that_was_killed(tmp_path: Path) -> None:
    playbook = tmp_path / "endless.yml"
    playbook.write_text(ENDLESS)
    program = Path(sys.executable).with_name("ansible-playbook")
    command = [str(program), "--inventory=localhost,", "--connection=warm_local", str(playbook)]

    def workers() -> list[int]:
        lines = (process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"]))
        return [1 for line in lines if str(playbook) in line]

    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert any("waiting" in line for line in process.stdout)
            assert len(workers()) >= 2
        finally:
            process.kill()
    until(lambda: not workers())


ONE_MODULE = """
- hosts: all
  gather_facts: false
  tasks:
    - {name: Ask, amazon.aws.aws_caller_info: {region: us-east-1}}
"""
#: in the server and in no other process, by Python's own hook
AT_ITS_START = """
import os, select, socket, sys
if any("warm_server" in word for word in sys.orig_argv):
    {}
"""
DIES = AT_ITS_START.format('print("no room for it", file=sys.stderr); os._exit(3)')
IS_KILLED = AT_ITS_START.format(
    "socket.socket.listen = lambda self, n, listen=socket.socket.listen: "
    "(listen(self, n), select.select([self], [], []), os.kill(os.getpid(), 9))"
)


def play(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Ask AWS who calls, where nobody answers."""
    (folder / "play.yml").write_text(ONE_MODULE)
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "here,", str(folder / "play.yml")]
    own = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_MAX_ATTEMPTS": "1", "ANSIBLE_HOME": str(folder / "home")}
    return subprocess.run(
        [*command, "-e", "ansible_connection=warm_local", *words],
        cwd=CHECKOUT,
        env={**os.environ, **own, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=HANGS_SECONDS,
    )


def words(done: subprocess.CompletedProcess[str]) -> str:
    return " ".join((done.stdout + done.stderr).split())


def test_what_fails_while_it_loads_reaches_the_user(tmp_path: Path) -> None:
    done = play(tmp_path, "-e", '{"ansible_warm_services": ["nonsense"]}')
    assert done.returncode != 0
    assert "Unknown service: 'nonsense'" in words(done)
    assert "-e ansible_connection=local" in words(done)
    assert "Errno" not in words(done)


@pytest.mark.parametrize(("start", "why"), [(DIES, "no room for it"), (IS_KILLED, "it was killed")])
def test_the_end_of_a_server_that_never_served_reaches_the_user(tmp_path: Path, start: str, why: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(start)
    done = play(tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode != 0
    assert f"did not start: {why}" in words(done)
    assert "-e ansible_connection=local" in words(done)


SETTINGS = {
    "a profile that does not exist": ({"AWS_PROFILE": "nobody"}, "The config profile (nobody) could not be found"),
    "a wrong retry mode": ({"AWS_RETRY_MODE": "twice"}, "twice"),
    "a broken configuration": ({"AWS_CONFIG_FILE": "{broken}"}, "Unable to parse config file"),
    "a wrong defaults mode": ({"AWS_DEFAULTS_MODE": "modern"}, "modern"),
}


@pytest.mark.parametrize(("settings", "why"), SETTINGS.values(), ids=SETTINGS.keys())
def test_a_wrong_setting_of_the_shell_is_told_in_botocore_s_words(
    tmp_path: Path, settings: dict[str, str], why: str
) -> None:
    (tmp_path / "broken").write_text("[profile\n")
    done = play(tmp_path, **{name: value.format(broken=tmp_path / "broken") for name, value in settings.items()})
    assert done.returncode == 2, words(done)
    assert why in words(done)
    assert "did not start" not in words(done)


def test_a_right_profile_of_the_shell_is_used(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(
        "[profile own]\naws_access_key_id = a\naws_secret_access_key = b\nendpoint_url = http://127.0.0.1:2\n"
    )
    done = play(tmp_path, AWS_PROFILE="own", AWS_CONFIG_FILE=str(tmp_path / "config"), AWS_ENDPOINT_URL="")
    assert "http://127.0.0.1:2" in words(done)
