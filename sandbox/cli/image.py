"""`sandbox image build`: build an image and push it, as `docker build` and `docker push` do."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from sandbox.cli import CommandError, running
from sandbox.config import Settings
from sandbox.runtime.dockerfile import DockerfileError
from sandbox.runtime.images import ImageError, Images


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Build a folder and push the image to an ECR repository of the sandbox."""
    running.require(settings)
    ecr = running.clients(settings)("ecr")
    repository = _repository(ecr, arguments.repository)
    images = Images(settings.root)
    try:
        digest = images.build(Path(arguments.folder))
    except (ImageError, DockerfileError) as error:
        raise CommandError(str(error)) from error
    uri = f"{repository['repositoryUri']}:{arguments.tag}"
    try:
        ecr.put_image(
            repositoryName=repository["repositoryName"],
            imageManifest=images.get(digest).decode(),
            imageTag=arguments.tag,
        )
    except ecr.exceptions.ImageAlreadyExistsException:
        print(f"{uri} is there already, the same to the byte ({digest})")
        return 0
    except ecr.exceptions.ImageTagAlreadyExistsException as error:
        raise CommandError(
            f"{uri} is there already with other content, and tags of this repository are "
            "immutable. Choose another --tag"
        ) from error
    print(f"{uri}\n{digest}")
    return 0


def _repository(ecr: Any, name: str | None) -> dict[str, Any]:
    try:
        found = ecr.describe_repositories(**({"repositoryNames": [name]} if name else {}))
    except ClientError as error:
        raise CommandError(
            f"there is no ECR repository {name!r}. Make it: aws ecr create-repository "
            f"--repository-name {name}, or run playbooks/provision.yml"
        ) from error
    repositories: list[dict[str, Any]] = found["repositories"]
    if not repositories:
        raise CommandError("there is no ECR repository yet. Run playbooks/provision.yml first")
    if len(repositories) > 1:
        names = ", ".join(repository["repositoryName"] for repository in repositories)
        raise CommandError(f"several ECR repositories are there: choose by --repository: {names}")
    return repositories[0]
