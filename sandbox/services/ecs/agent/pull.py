"""Pull an image: from an ECR repository to a folder that can run."""

from __future__ import annotations

import re

from sandbox.aws_api.state import State
from sandbox.runtime.images import Image, ImageError, Images
from sandbox.services import ecr
from sandbox.services.ecs.agent.failures import TaskStartError, cannot_pull
from sandbox.services.ecs.agent.permissions import denied

REFERENCE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[\w-]+)\.amazonaws\.com/"
    r"(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


def pull(state: State, images: Images, reference: str, execution_role: str | None) -> Image:
    """Return the image of a reference like `<account>.dkr.ecr.<region>.amazonaws.com/app:1.0.0`.

    Raises TaskStartError if there is no such image, or the execution role may not pull it.
    """
    named = REFERENCE.fullmatch(reference)
    if not named:
        raise cannot_pull(reference, "the sandbox pulls from the stack's ECR repositories only")
    account, region, repository = named["account"], named["region"], named["repository"]
    arn = f"arn:aws:ecr:{region}:{account}:repository/{repository}"
    for action, resource in (("GetAuthorizationToken", "*"), ("BatchGetImage", arn)):
        if why := denied(state, execution_role or "", f"ecr:{action}", resource):
            raise TaskStartError(
                "ResourceInitializationError: unable to pull secrets or registry auth: execution"
                " resource retrieval failed: unable to retrieve ecr registry auth: service call"
                f" has been retried 1 time(s): {why}"
            )
    digest = named["digest"]
    desired = {"imageDigest": digest} if digest else {"imageTag": named["tag"] or "latest"}
    with state.lock:
        backend = state.backend("ecr", account, region)
        known = repository in backend.repositories
        image = ecr.find(backend, repository, desired) if known else None
    if image is None:
        raise cannot_pull(reference)
    try:
        return images.unpack(image.image_digest)
    except ImageError as error:
        raise cannot_pull(reference, str(error)) from error
