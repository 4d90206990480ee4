"""Program, folder and environment of a container's process.

Later values override earlier ones: the sandbox's host; the image; network, trust store and agent of the sandbox; the
container definition with overrides; secrets.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sandbox.aws_api.principals import Grant
from sandbox.control.context import Sandbox
from sandbox.runtime.images import Image
from sandbox.runtime.processes import Command
from sandbox.services.ecs.records.tasks import Container, Task

#: the checkout's programs are the image's operating system
PROGRAMS = Path(sys.executable).parent
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


def command(
    sandbox: Sandbox,
    task: Task,
    container: Container,
    image: Image,
    *,
    address: str,
    grant: Grant | None,
    secrets: dict[str, str],
) -> Command:
    """Return the command of a container, for `processes.start`."""
    scratch = scratch_of(sandbox, task)
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    image_environment = {name: image.path(value) for name, value in image.environment.items()}
    host = {
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "LANG": "C.UTF-8",
        # The image's folder is read-only; its tasks share the compiled modules.
        "PYTHONPYCACHEPREFIX": str(image.root.parent / "bytecode" / image.root.name),
    }
    own = {one["name"]: one["value"] for one in container.definition["environment"]}
    environment = host | image_environment | _platform(sandbox, task, grant) | own | secrets
    network = sandbox.network.environment(address)
    path = [network["PYTHONPATH"], environment.get("PYTHONPATH", "")]
    environment |= network | {
        "PATH": f"{PROGRAMS}:{environment.get('PATH', SYSTEM_PATH)}",
        "PYTHONPATH": ":".join(filter(None, path)),
    }
    folder = container.definition.get("workingDirectory") or image.workdir
    return Command(
        root=sandbox.settings.root,
        name=f"task {task.id}/{container.name}",
        argv=_argv(container, image, Path(image.path(folder))),
        env=environment,
        cwd=Path(image.path(folder)),
    )


def scratch_of(sandbox: Sandbox, task: Task) -> Path:
    """Return the task's own writable folder, which is deleted with the task."""
    return sandbox.settings.root / "tasks" / task.id


def _argv(container: Container, image: Image, folder: Path) -> list[str]:
    """Return program and arguments as Docker combines them: an entry point replaces the image's command too."""
    entrypoint = container.definition.get("entryPoint")
    default = [] if entrypoint else image.command
    words = [*(entrypoint or image.entrypoint), *(container.definition.get("command") or default)]
    program, *arguments = [image.path(word) for word in words]
    if "/" in program:
        program = str(folder / program)
    return [program, *arguments]


def _platform(sandbox: Sandbox, task: Task, grant: Grant | None) -> dict[str, str]:
    """Return region, trust store and credentials, as a task on Fargate has them.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-metadata.html
    """
    authority = str(sandbox.authority.certificate)
    environment = {
        "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
        "AWS_REGION": task.region,
        "AWS_DEFAULT_REGION": task.region,
        "AWS_ENDPOINT_URL": sandbox.settings.api_url,
        "AWS_CA_BUNDLE": authority,
        "SSL_CERT_FILE": authority,
        "PGSSLROOTCERT": authority,
    }
    if grant:
        environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = grant.uri
        environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = grant.token
    return environment
