"""The local connection, with AWS modules run in forks of the warm server instead of in a fresh Python each."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import shlex
import socket
import struct
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import ansible
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection.local import Connection as Local
from ansible.utils.collection_loader import AnsibleCollectionConfig
from ansible.utils.display import Display

DOCUMENTATION = """
    name: warm_local
    short_description: local, with AWS modules run in forks of a Python that has loaded what they import
    description:
      - Used with the action plugin C(normal) of this project, which hands such modules over by name.
      - Everything else (become, async, raw commands, other modules) runs as with C(local).
    extends_documentation_fragment: [connection_pipelining]
    options:
      become_success_timeout: {type: int, default: 10, description: as in local}
      become_strip_preamble: {type: bool, default: true, description: as in local}
      warm_services:
        description: Services whose models are loaded in advance; others are loaded when they are needed.
        type: list
        elements: string
        default: [acm, ec2, ecr, ecs, elasticache, elbv2, iam, kms, logs, rds, route53, s3, secretsmanager, sts]
        vars: [{name: ansible_warm_services}]
"""

MARK = b"#warm-module\n"
FAILED = b"F"  # as warm_server.py answers
ROOT = Path(__file__).resolve().parents[2]
SERVER = "ops.process.warm_server"
ASSIGNMENT = re.compile(r"^[A-Za-z_]\w*=")
START_SECONDS = 120  # ten times what a busy controller takes

display = Display()


def environment_of(command: str) -> dict[str, str]:
    """Return the task's environment: the assignments in `/bin/sh -c 'A=b python && sleep 0'`."""
    environment = {}
    for word in shlex.split(shlex.split(command)[-1]):
        if not ASSIGNMENT.match(word):
            break
        name, _, value = word.partition("=")
        environment[name] = value
    return environment


def import_paths() -> list[str]:
    """Return the folders of our modules (`plugins.modules`) and of the collections, in the controller's order.

    Core's own <ansible>/_internal is left out: on the path it would shadow the standard library's _json.
    """
    core = Path(ansible.__file__).parent
    collections = [str(path) for path in AnsibleCollectionConfig.collection_paths if core not in Path(path).parents]
    return [str(ROOT), *collections]


class Connection(Local):
    transport = "warm_local"

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        end_with_the_controller()
        if in_data is None or not in_data.startswith(MARK):
            cold: tuple[int, bytes, bytes] = super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
            return cold
        header = json.loads(in_data.removeprefix(MARK))
        display.vvv(f"WARM {header['fqn']}", host=self._play_context.remote_addr)
        header |= {"env": environment_of(cmd), "cwd": str(Path.cwd()), "umask": current_umask()}
        return self._run(json.dumps(header).encode())

    def _run(self, header: bytes) -> tuple[int, bytes, bytes]:
        out, err = os.memfd_create("stdout"), os.memfd_create("stderr")
        try:
            with self._server() as server:
                socket.send_fds(server, [len(header).to_bytes(8, "big")], [out, err])
                server.sendall(header)
                kind, status = server.recv(1), server.recv(1)
                if kind == FAILED:
                    raise failure((status + rest(server)).decode(errors="replace"))
            return (status[0] if status else 137), whole(out), whole(err)  # without an answer, the child was killed
        except (BrokenPipeError, ConnectionResetError) as error:  # a server that runs a module has received the request
            raise failure("it was killed while it started") from error
        finally:
            os.close(out)
            os.close(err)

    def _server(self) -> socket.socket:
        """Return a connection to this run's server; the first worker starts it."""
        controller = controller_pid()
        name = f"\0campshub360-warm-{controller}"
        started: subprocess.Popen[bytes] | None = None
        output = os.memfd_create("output")
        deadline = time.monotonic() + START_SECONDS
        try:
            while time.monotonic() < deadline:
                server = socket.socket(socket.AF_UNIX)
                try:
                    server.connect(name)
                    refuse_strangers(server)
                    return server
                except ConnectionRefusedError:
                    server.close()
                if started is None:
                    started = self._start(name[1:], controller, output)
                elif started.poll():  # 0: another worker's server was first
                    raise failure(last_line(whole(output)) or f"it ended with {started.returncode}")
                time.sleep(0.01)
            raise failure(f"it does not listen after {START_SECONDS} s")
        finally:
            os.close(output)

    def _start(self, name: str, controller: int, output: int) -> subprocess.Popen[bytes]:
        settings = {"services": self.get_option("warm_services")}
        server = subprocess.Popen(
            [sys.executable, "-P", "-m", SERVER, name, str(controller)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=output,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([*import_paths(), os.environ.get("PYTHONPATH", "")])},
            start_new_session=True,  # Ctrl-C ends the controller, and the controller's end ends the server
        )
        assert server.stdin
        with suppress(BrokenPipeError):  # it ended before it read: its error is shown
            server.stdin.write(json.dumps(settings).encode())
            server.stdin.close()
        return server


def failure(why: str) -> AnsibleConnectionFailure:
    """Return the error of a server that did not start, with the cure."""
    return AnsibleConnectionFailure(
        f"The Python that runs AWS modules did not start: {why}. This module was not run. If its packages are broken, "
        "install them anew: rm -r .venv && make .venv/installed. To do without it: -e ansible_connection=local"
    )


def rest(server: socket.socket) -> bytes:
    """Return what the server sends until it closes the connection."""
    with server.makefile("rb") as stream:
        return stream.read()


def last_line(output: bytes) -> str:
    """Return the last line that is not empty."""
    return next((line for line in reversed(output.decode(errors="replace").splitlines()) if line.strip()), "")


def refuse_strangers(server: socket.socket) -> None:
    """Fail if the server is another user's, who would receive parameters and credentials."""
    credentials = server.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _pid, uid, _gid = struct.unpack("3i", credentials)
    if uid != os.geteuid():
        server.close()
        raise AnsibleConnectionFailure(
            f"Another user of this machine (uid {uid}) answers in the place of the warm Python. Nothing was sent to "
            "it. Use ansible_connection: local."
        )


def controller_pid() -> int:
    """Return the pid of ansible-playbook, also after it was killed, when this worker's parent is init."""
    controller = multiprocessing.parent_process()
    return controller.pid or 0 if controller else os.getpid()


def end_with_the_controller() -> None:
    """End this worker if ansible-playbook was killed; in a session of its own, it would go on for ever."""
    controller = multiprocessing.parent_process()
    if controller and not controller.is_alive():
        os._exit(1)


def current_umask() -> int:
    """Return the process's umask."""
    umask = os.umask(0o022)
    os.umask(umask)
    return umask


def whole(descriptor: int) -> bytes:
    """Return the content of a file."""
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)
