"""Run one task from PROVISIONING to STOPPED, as the ECS agent does on a task's host."""

from __future__ import annotations

import logging
import math
import shutil
import signal
import threading
import time
from dataclasses import dataclass

from sandbox.control.context import Sandbox
from sandbox.interruptions import WARNING_MINUTES
from sandbox.runtime import processes
from sandbox.runtime.images import Image
from sandbox.runtime.processes import Process
from sandbox.services.ecs.agent import network as ecs_network
from sandbox.services.ecs.agent.environment import command, scratch_of
from sandbox.services.ecs.agent.failures import TaskStartError, cannot_start
from sandbox.services.ecs.agent.health import Check, HealthChecker
from sandbox.services.ecs.agent.logs import LogStream, open_stream
from sandbox.services.ecs.agent.permissions import require_trust
from sandbox.services.ecs.agent.pull import pull
from sandbox.services.ecs.agent.secrets import SecretReader
from sandbox.services.ecs.records.tasks import Container, Task
from sandbox.services.ecs.scheduler import targets as ecs_targets

STOP_TIMEOUT = 30.0
REGISTER_AFTER_SECONDS = 10.0  # seconds until a task that does not listen becomes a target all the same
POLL_SECONDS = 0.1  # seconds between two looks at the processes
RETRY_SECONDS = 1.0  # seconds until another try

log = logging.getLogger("sandbox")


class _StoppedEarlyError(Exception):
    """The task was stopped before it ran."""


@dataclass(slots=True)
class _Running:
    container: Container
    process: Process
    stream: LogStream | None
    checker: HealthChecker | None


class Agent:
    """Run a task through its lifecycle, in a thread of its own.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
    """

    def __init__(self, sandbox: Sandbox, task: Task) -> None:
        self.task = task
        self._sandbox = sandbox
        self._state = sandbox.state
        self._running: list[_Running] = []
        self._address_name = ""
        self._address = ""
        self._closing = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"task {task.id}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Look at once at the task's record, which has changed."""
        self._wake.set()

    def close(self) -> None:
        """Kill the task's containers, without draining or grace: the sandbox ends."""
        self._closing.set()
        self._wake.set()

    def join(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        task = self.task
        try:
            self._bring_up()
            self._watch()
        except _StoppedEarlyError:
            pass
        except TaskStartError as failure:
            with self._state.lock:
                task.stop("TaskFailedToStart", str(failure))
        except Exception as failure:
            log.exception("task %s", task.id)
            with self._state.lock:
                task.stop("TaskFailedToStart", f"The sandbox failed: {failure!r}")
        # A task that never becomes STOPPED would hold its deployment, and whoever awaits that one, up for ever.
        while not self._taken_down():
            time.sleep(RETRY_SECONDS)

    # Up

    def _bring_up(self) -> None:
        task, sandbox = self.task, self._sandbox
        self._address_name = ecs_network.attach(self._state, task)
        self._address = sandbox.network.address(self._address_name)
        self._enter("PENDING", "connectivityAt")
        execution_role, task_role = task.setting("executionRoleArn"), task.setting("taskRoleArn")
        for role in filter(None, (execution_role, task_role)):
            require_trust(self._state, role)
        grant = sandbox.principals.grant(task.id, task_role, task.region) if task_role else None
        images = self._pull(execution_role)
        reader = SecretReader(sandbox, task)
        secrets = [reader.environment(c.definition.get("secrets") or ()) for c in task.containers]
        streams = [open_stream(self._state, task, container) for container in task.containers]
        self._enter("ACTIVATING")
        for container, image, secret, stream in zip(task.containers, images, secrets, streams, strict=True):
            program = command(sandbox, task, container, image, address=self._address, grant=grant, secrets=secret)
            self._start(container, program, stream)
        self._enter("RUNNING", "startedAt")

    def _pull(self, execution_role: str | None) -> list[Image]:
        with self._state.lock:
            self.task.moment("pullStartedAt")
        images = [
            pull(self._state, self._sandbox.images, c.definition["image"], execution_role) for c in self.task.containers
        ]
        with self._state.lock:
            self.task.moment("pullStoppedAt")
            for container, image in zip(self.task.containers, images, strict=True):
                container.image_digest = image.digest
        return images

    def _start(self, container: Container, program: processes.Command, stream: LogStream | None) -> None:
        try:
            process = processes.start(program, on_line=stream.write if stream else None)
        except (FileNotFoundError, PermissionError) as error:
            with self._state.lock:
                container.reason = str(cannot_start(str(program.argv[0])))
            raise cannot_start(str(program.argv[0])) from error
        check = Check.of(container.definition)
        checker = HealthChecker(self._state, container, check, program) if check else None
        self._running.append(_Running(container, process, stream, checker))
        with self._state.lock:
            container.last_status = "RUNNING"
            container.runtime_id = f"{self.task.id}-{process.pid}"

    # Between

    def _watch(self) -> None:
        """Return when the task is to stop, or an essential container has exited."""
        since, registered = time.monotonic(), False
        while self.task.live and not self._closing.is_set():
            self._record()
            # One check makes a new target healthy on AWS, whatever failed before; with Envoy, only
            # the first does. So that one waits for a program that is still starting.
            late = time.monotonic() - since > REGISTER_AFTER_SECONDS
            if not registered and (late or ecs_targets.listening(self.task, self._address)):
                ecs_targets.register(self._state, self.task)
                registered = True
            if any(one.container.essential and one.process.poll() is not None for one in self._running):
                with self._state.lock:
                    self.task.stop("EssentialContainerExited", "Essential container in task exited")
                return
            self._wake.wait(POLL_SECONDS)
            self._wake.clear()

    def _record(self) -> None:
        """Write the containers' output to the log and their exit codes to the record."""
        for one in self._running:
            code = one.process.poll()
            if one.stream:
                one.stream.flush()
            if code is not None and one.container.exit_code is None:
                with self._state.lock:
                    one.container.last_status = "STOPPED"
                    one.container.exit_code = exit_code(code)

    # Down

    def _taken_down(self) -> bool:
        try:
            self._take_down()
        except Exception:
            log.exception("task %s: cleaning up", self.task.id)
            return False
        return True

    def _take_down(self) -> None:
        self._enter("DEACTIVATING", "stoppingAt")
        ecs_targets.deregister(self._state, self.task)
        interrupted = self.task.stop_code == "SpotInterruption"
        while self._alive() and not interrupted and not ecs_targets.drained(self._state, self.task):
            self._pause()
        self._enter("STOPPING")
        for one in self._running:
            if one.checker:
                one.checker.close()
        self._stop_containers(self._sandbox.clock.seconds(WARNING_MINUTES) if interrupted else math.inf)
        self._enter("DEPROVISIONING", "executionStoppedAt")
        self._sandbox.principals.revoke(self.task.id)
        ecs_network.detach(self._state, self.task)
        self._sandbox.network.release(self._address_name)
        shutil.rmtree(scratch_of(self._sandbox, self.task), ignore_errors=True)
        with self._state.lock:
            for container in self.task.containers:
                container.last_status = "STOPPED"
        self._enter("STOPPED", "stoppedAt")

    def _stop_containers(self, longest: float) -> None:
        """Send SIGTERM to each container, and SIGKILL after its stopTimeout, or after `longest` seconds."""
        begun = time.monotonic()
        for one in self._running:
            one.process.signal(signal.SIGTERM)
        while alive := self._alive():
            for one in alive:
                grace = one.container.definition.get("stopTimeout", STOP_TIMEOUT)
                if time.monotonic() - begun >= min(grace, longest):
                    one.process.kill()
            self._pause()
        self._record()

    def _alive(self) -> list[_Running]:
        return [one for one in self._running if one.process.poll() is None]

    def _pause(self) -> None:
        self._record()
        if self._closing.is_set():
            for one in self._running:
                one.process.kill()
        time.sleep(POLL_SECONDS)

    def _enter(self, status: str, moment: str | None = None) -> None:
        with self._state.lock:
            if status in ("ACTIVATING", "RUNNING") and not self.task.live:
                raise _StoppedEarlyError
            if moment:
                self.task.moment(moment)
            self.task.enter(status)
        self._state.changed.set()


def exit_code(code: int) -> int:
    """Return Docker's exit code: 128 + signal for a process ended by a signal."""
    return 128 - code if code < 0 else code
