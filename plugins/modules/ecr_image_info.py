#!/usr/bin/python
"""Own module because neither collection can look an ECR image up by tag."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecr_image_info
short_description: Find the image of a release
description: Fails, naming the releases that there are, when the repository does not hold it.
options:
  repository: {description: Repository, type: str, required: true}
  release: {description: "Tag, or digest (sha256:...)", type: str, required: true}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Find the image of the release
  ecr_image_info: {repository: campshub360-tier1, release: 1.0.0}
  register: image
"""

RETURN = r"""
digest: {description: "The image's digest", type: str, returned: success}
tags: {description: "The image's tags", type: list, returned: success}
"""

from typing import Any

from ansible.module_utils.aws_resource import failing_with, unless_missing
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule


def image_id(release: str) -> dict[str, str]:
    return {"imageDigest" if release.startswith("sha256:") else "imageTag": release}


def releases(ecr: Any, repository: str) -> list[str]:
    """The newest ten tags, newest first."""
    pages = ecr.get_paginator("describe_images").paginate(repositoryName=repository, filter={"tagStatus": "TAGGED"})
    images = sorted((image for page in pages for image in page["imageDetails"]), key=lambda i: i["imagePushedAt"])
    return [tag for image in reversed(images) for tag in image["imageTags"]][:10]


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={"repository": {"required": True}, "release": {"required": True}},
        supports_check_mode=True,
    )
    repository, release = module.params["repository"], module.params["release"]
    ecr = module.client("ecr")
    with failing_with(module, f"Could not look for the release {release} in the repository {repository}"):
        missing = {"ImageNotFoundException", "InvalidParameterException"}
        answer = unless_missing(missing, ecr.describe_images, repositoryName=repository, imageIds=[image_id(release)])
        known = [] if answer else releases(ecr, repository)
    if not answer:
        there = f"It holds {', '.join(known)}." if known else "It is empty."
        module.fail_json(
            msg=f"There is no release {release} in the repository {repository}. {there} Nothing was touched. "
            f"Push the image, or name a release that is there: -e release=<tag or digest>"
        )
    image = answer["imageDetails"][0]
    module.exit_json(changed=False, digest=image["imageDigest"], tags=image.get("imageTags", []))


if __name__ == "__main__":
    main()
