#!/usr/bin/python
"""Own module because community.aws.ecs_ecr has neither tags nor encryption."""

from __future__ import annotations

DOCUMENTATION = r"""
module: repository
short_description: An ECR repository whose tags never move
description:
  - Creates, updates or deletes a repository with immutable tags, that scans what is pushed to it.
options:
  name: {description: Name, type: str, required: true}
  kms_key_id: {description: "Key that encrypts it, by ARN. Without it, ECR's own key does. Can't change", type: str}
  force_destroy: {description: Whether to remove a repository with its images, type: bool, default: false}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules, resource.state, resource.tags]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Create the repository of the application's images
  repository:
    name: campshub360-tier1
    kms_key_id: "{{ storage_kms_key_id }}"
"""

RETURN = r"""
resource: {description: "The repository, with its arn and uri", type: dict, returned: success}
"""

import json
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.errors import unless_missing
from ops.aws.resource import STATE_OPTION, TAGS_OPTION, Resource, State, run
from ops.aws.tags import tags_from, tags_to

# What no tag names is the rest of an interrupted push. A rule that counts what has a tag would take the image that is
# running as soon as enough newer ones are pushed: ECR doesn't know what runs, nor what a rollback needs.
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
LIFECYCLE_POLICY: dict[str, Any] = {
    "rules": [
        {
            "rulePriority": 1,
            "description": "Forget what no tag names",
            "selection": {
                "tagStatus": "untagged",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": 7,
            },
            "action": {"type": "expire"},
        }
    ]
}


class Repository(Resource):
    noun = "repository"

    def __init__(self, module: AnsibleAWSModule) -> None:
        super().__init__(module)
        self.ecr = module.client("ecr")
        self.here: State = {"repositoryName": self.name}

    def read(self) -> State | None:
        answer = unless_missing(
            "RepositoryNotFoundException", self.ecr.describe_repositories, repositoryNames=[self.name]
        )
        if answer is None:
            return None
        repository = answer["repositories"][0]
        policy = unless_missing("LifecyclePolicyNotFoundException", self.ecr.get_lifecycle_policy, **self.here)
        return {
            "arn": repository["repositoryArn"],
            "uri": repository["repositoryUri"],
            "kms_key_id": repository.get("encryptionConfiguration", {}).get("kmsKey"),
            "tag_mutability": repository["imageTagMutability"],
            "scan_on_push": repository["imageScanningConfiguration"]["scanOnPush"],
            "lifecycle_policy": json.loads(policy["lifecyclePolicyText"]) if policy else None,
            "tags": tags_from(self.ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"]),
        }

    def desired(self, found: State | None) -> State:
        return {
            "kms_key_id": self.params["kms_key_id"],
            "tag_mutability": "IMMUTABLE",
            "scan_on_push": True,
            "lifecycle_policy": LIFECYCLE_POLICY,
            "tags": self.params["tags"],
        }

    def create(self, desired: State) -> None:
        key = desired["kms_key_id"]
        self.ecr.create_repository(
            **self.here,
            imageTagMutability=desired["tag_mutability"],
            imageScanningConfiguration={"scanOnPush": desired["scan_on_push"]},
            encryptionConfiguration={"encryptionType": "KMS", "kmsKey": key} if key else {"encryptionType": "AES256"},
            tags=tags_to(desired["tags"]),
        )
        self.put_lifecycle_policy(desired["lifecycle_policy"])

    def refusal(self, found: State, changes: State) -> str | None:
        if "kms_key_id" in changes:
            return (
                f"The repository {self.name} can't change its key: AWS fixes it at creation. Copy its images elsewhere "
                "and delete it, then run this again."
            )
        if self.params["state"] == "present" or self.params["force_destroy"] or not self.holds_images():
            return None
        return (
            f"The repository {self.name} still holds images, and was not touched. Delete them, or say that they may "
            "go: -e storage_force_destroy=true."
        )

    def holds_images(self) -> bool:
        return bool(self.ecr.list_images(**self.here, maxResults=1)["imageIds"])

    def update(self, found: State, changes: State) -> None:
        if "tag_mutability" in changes:
            self.ecr.put_image_tag_mutability(**self.here, imageTagMutability=changes["tag_mutability"])
        if "scan_on_push" in changes:
            scanning = {"scanOnPush": changes["scan_on_push"]}
            self.ecr.put_image_scanning_configuration(**self.here, imageScanningConfiguration=scanning)
        if "lifecycle_policy" in changes:
            self.put_lifecycle_policy(changes["lifecycle_policy"])
        if "tags" in changes:
            self.ecr.tag_resource(resourceArn=found["arn"], tags=tags_to(changes["tags"]))
            if surplus := found["tags"].keys() - changes["tags"].keys():
                self.ecr.untag_resource(resourceArn=found["arn"], tagKeys=sorted(surplus))

    def put_lifecycle_policy(self, policy: State) -> None:
        self.ecr.put_lifecycle_policy(**self.here, lifecyclePolicyText=json.dumps(policy))

    def delete(self, found: State) -> None:
        self.ecr.delete_repository(**self.here, force=self.params["force_destroy"])


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "kms_key_id": {},
            "force_destroy": {"type": "bool", "default": False},
            **TAGS_OPTION,
            **STATE_OPTION,
        },
        supports_check_mode=True,
    )
    run(Repository(module))


if __name__ == "__main__":
    main()
