#!/usr/bin/python
"""Own module because community.aws.ecs_ecr can't tag, and an estate is found by its tag."""

from __future__ import annotations

DOCUMENTATION = r"""
module: repository
short_description: An ECR repository whose tags never move
description:
  - Tags are immutable and images are scanned when they are pushed; always.
  - A repository that holds images is removed only with I(force).
options:
  name: {description: Name, type: str, required: true}
  kms_key_arn: {description: "Key that encrypts images, fixed at creation; AES256 when empty", type: str, default: ""}
  keep_images: {description: How many of the newest images are kept, type: int, default: 50}
  force: {description: Whether a repository to be removed may hold images, type: bool, default: false}
  tags: {description: Tags; others are removed, type: dict, default: {}}
  state: {description: Whether it exists, type: str, choices: [present, absent], default: present}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Keep the repository of the application's images
  repository:
    name: campshub360-tier1
    keep_images: 50
"""

RETURN = r"""
resource: {description: "The repository, with its arn and uri", type: dict, returned: success}
"""

import json

from ansible.module_utils.aws_resource import (
    STATE_OPTION,
    TAGS_OPTION,
    Resource,
    State,
    run,
    tags_from,
    tags_to,
    unless_missing,
)
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule


def keep_newest(images: int) -> State:
    """The lifecycle policy that expires all but the newest images."""
    rule = {
        "rulePriority": 1,
        "description": f"Keep the newest {images} images",
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": images},
        "action": {"type": "expire"},
    }
    return {"rules": [rule]}


class Repository(Resource):
    noun = "repository"

    def __init__(self, module: AnsibleAWSModule) -> None:
        super().__init__(module)
        self.ecr = module.client("ecr")

    def read(self) -> State | None:
        missing = "RepositoryNotFoundException"
        answer = unless_missing(missing, self.ecr.describe_repositories, repositoryNames=[self.name])
        if answer is None:
            return None
        repository = answer["repositories"][0]
        lifecycle = unless_missing(
            "LifecyclePolicyNotFoundException", self.ecr.get_lifecycle_policy, repositoryName=self.name
        )
        tags = self.ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"]
        return {
            "arn": repository["repositoryArn"],
            "uri": repository["repositoryUri"],
            "kms_key_arn": repository.get("encryptionConfiguration", {}).get("kmsKey", ""),
            "tag_mutability": repository["imageTagMutability"],
            "scan_on_push": repository["imageScanningConfiguration"]["scanOnPush"],
            "lifecycle": json.loads(lifecycle["lifecyclePolicyText"]) if lifecycle else None,
            "tags": tags_from(tags),
        }

    def wanted(self, found: State | None) -> State:
        return {
            "kms_key_arn": self.params["kms_key_arn"],
            "tag_mutability": "IMMUTABLE",
            "scan_on_push": True,
            "lifecycle": keep_newest(self.params["keep_images"]),
            "tags": self.params["tags"],
        }

    def create(self, wanted: State) -> None:
        key = wanted["kms_key_arn"]
        self.ecr.create_repository(
            repositoryName=self.name,
            imageTagMutability=wanted["tag_mutability"],
            imageScanningConfiguration={"scanOnPush": wanted["scan_on_push"]},
            encryptionConfiguration={"encryptionType": "KMS", "kmsKey": key} if key else {"encryptionType": "AES256"},
            tags=tags_to(wanted["tags"]),
        )
        self.put_lifecycle(wanted["lifecycle"])

    def update(self, found: State, changes: State) -> None:
        if "kms_key_arn" in changes:
            self.fail(
                f"The repository {self.name} can't change its key: AWS fixes it at creation. Nothing was changed. Keep "
                "the key it has, or push its images to a new repository."
            )
        if "tag_mutability" in changes:
            self.ecr.put_image_tag_mutability(repositoryName=self.name, imageTagMutability=changes["tag_mutability"])
        if "scan_on_push" in changes:
            scanning = {"scanOnPush": changes["scan_on_push"]}
            self.ecr.put_image_scanning_configuration(repositoryName=self.name, imageScanningConfiguration=scanning)
        if "lifecycle" in changes:
            self.put_lifecycle(changes["lifecycle"])
        if "tags" in changes:
            self.ecr.tag_resource(resourceArn=found["arn"], tags=tags_to(changes["tags"]))
            if surplus := found["tags"].keys() - changes["tags"].keys():
                self.ecr.untag_resource(resourceArn=found["arn"], tagKeys=sorted(surplus))

    def put_lifecycle(self, policy: State) -> None:
        self.ecr.put_lifecycle_policy(repositoryName=self.name, lifecyclePolicyText=json.dumps(policy))

    def delete(self, found: State) -> None:
        if not self.params["force"] and self.ecr.list_images(repositoryName=self.name, maxResults=1)["imageIds"]:
            self.fail(
                f"The repository {self.name} holds images, so it was not touched. Say that they may go: "
                "-e storage_force_destroy=true"
            )
        self.ecr.delete_repository(repositoryName=self.name, force=self.params["force"])


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "kms_key_arn": {"default": "", "no_log": False},
            "keep_images": {"type": "int", "default": 50},
            "force": {"type": "bool", "default": False},
            **TAGS_OPTION,
            **STATE_OPTION,
        },
        supports_check_mode=True,
    )
    run(Repository(module))


if __name__ == "__main__":
    main()
