#!/usr/bin/python
"""Own module because what forbids a release is known to six services, and a person wants to hear all of it at once."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release_preflight
short_description: Find what forbids a release
description:
  - Reads the image, the task's size, the listener, alarms, quotas and what is being deployed. Changes nothing. A blocker is
    no failure of the module; RV(blockers) holds a sentence for each.
options:
  release: {description: Tag or digest of the image, type: str, required: true}
  repository: {description: Image repository, type: str, required: true}
  cluster: {description: Cluster, type: str, required: true}
  service: {description: Service, type: str, required: true}
  cpu: {description: CPU units of a task, type: int, required: true}
  memory: {description: MiB of a task, type: int, required: true}
  tasks: {description: Tasks of a first release, type: int, required: true}
  capacity_providers: {description: "Where tasks run, with base and weight", type: list, elements: dict, required: true}
  listener: {description: ARN of the HTTPS listener, type: str, required: true}
  production_rule: {description: ARN of the production rule, type: str, required: true}
  target_groups: {description: ARN by colour, type: dict, required: true}
  log_group: {description: Log group of the tasks, type: str, required: true}
  alarms: {description: Names of the alarms that watch a release, by the colour to which it goes, type: dict, default: {}}
  history: {description: "Releases so far, newest first", type: list, elements: dict, default: []}
  replace_unmanaged: {description: Task definition deployed by hand that may be replaced, type: str, default: ""}
  max_critical_findings: {description: Critical findings of the image's scan that are accepted, type: int, default: 0}
  allow_unscanned_image: {description: Whether an image without a finished scan is accepted, type: bool, default: false}
  test_secret: {description: Name of the secret that holds the value of the header of test traffic, type: str, default: ""}
  token_secret: {description: Name of the secret that holds the heartbeat token, type: str, default: ""}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Find what forbids the release
  release_preflight:
    release: 1.2.0
    repository: campshub360-tier1
    cluster: campshub360-tier1
    service: campshub360-tier1-app
    cpu: 2048
    memory: 4096
    tasks: 3
    capacity_providers: [{provider: FARGATE, base: 2}, {provider: FARGATE_SPOT, weight: 1}]
    listener: arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/campshub360-tier1/0a/0b
    production_rule: arn:aws:elasticloadbalancing:us-east-1:123456789012:listener-rule/app/campshub360-tier1/0a/0b/0c
    log_group: /ecs/campshub360-tier1
    target_groups: {blue: "arn:...:targetgroup/campshub360-tier1-blue/0a", green: "arn:...:targetgroup/campshub360-tier1-green/0b"}
"""

RETURN = r"""
blockers: {description: "Sentences, each with its cure", type: list, returned: success}
digest: {description: "The image's digest, or null", type: str, returned: success}
tags: {description: "The image's tags", type: list, returned: success}
serves: {description: Whether a release before it serves, type: bool, returned: success}
unfinished: {description: Whether the service's task definition is one that never got all traffic, type: bool, returned: success}
tasks: {description: "Tasks that green starts with: as many as the service is to run, or I(tasks) where there is none", type: int, returned: success}
running: {description: "Task definition that runs, or to which the orphan goes back; null: none", type: str, returned: success}
target: {description: "The colour to which the release goes: its target group has the lesser share of the traffic", type: str, returned: success}
orphan: {description: ARN of a deployment that has no operator any more, or null, type: str, returned: success}
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.ecs import deployments
from ops.aws.errors import failing_with, unless_missing
from ops.aws.redaction import hiding_secrets
from ops.aws.secrets import BEARER, TEST_HEADER, SecretError, fetch
from ops.release import preflight
from ops.release.deployment import ONGOING

MISSING_IMAGE = {"ImageNotFoundException", "InvalidParameterException", "RepositoryNotFoundException"}


class Preflight:
    """Reads what AWS says; what follows is decided in `ops/release/preflight.py`."""

    def __init__(self, module: AnsibleAWSModule) -> None:
        self.params: dict[str, Any] = module.params
        self.ecr = module.client("ecr")
        self.ecs = module.client("ecs")
        self.elb = module.client("elbv2")
        self.cloudwatch = module.client("cloudwatch")
        self.quotas = module.client("service-quotas")
        self.logs = module.client("logs")
        self.secrets = module.client("secretsmanager")

    def image(self) -> dict[str, Any] | None:
        release = self.params["release"]
        if not release:
            return None
        identity = {"imageDigest" if release.startswith("sha256:") else "imageTag": release}
        answer = unless_missing(
            MISSING_IMAGE, self.ecr.describe_images, repositoryName=self.params["repository"], imageIds=[identity]
        )
        return dict(answer["imageDetails"][0]) if answer else None

    def scan(self, digest: str) -> dict[str, Any]:
        """Return what its scan says, empty if none was started; DescribeImages no longer tells: API_DescribeImages.html."""
        return dict(
            unless_missing(
                "ScanNotFoundException",
                self.ecr.describe_image_scan_findings,
                repositoryName=self.params["repository"],
                imageId={"imageDigest": digest},
            )
            or {}
        )

    def no_image(self) -> str:
        release, repository = self.params["release"], self.params["repository"]
        if not release:
            return "No release was named. Say which, by tag or digest: -e release=1.0.0"
        known = self.releases()
        there = f"It holds {', '.join(known)}." if known else "It is empty."
        return (
            f"There is no release {release} in the repository {repository}. {there} Push the image, or name a release "
            "that is there: -e release=<tag or digest>"
        )

    def releases(self) -> list[str]:
        """Return the newest ten tags, newest first; none without a repository."""
        paginator = self.ecr.get_paginator("describe_images")
        pages = paginator.paginate(repositoryName=self.params["repository"], filter={"tagStatus": "TAGGED"})
        found = unless_missing("RepositoryNotFoundException", lambda: [*pages]) or []
        images = sorted((image for page in found for image in page["imageDetails"]), key=lambda i: i["imagePushedAt"])
        return [tag for image in reversed(images) for tag in image["imageTags"]][:10]

    def service(self) -> dict[str, Any] | None:
        answer = unless_missing(
            "ClusterNotFoundException",
            self.ecs.describe_services,
            cluster=self.params["cluster"],
            services=[self.params["service"]],
        )
        found = [one for one in (answer or {}).get("services", []) if one["status"] == "ACTIVE"]
        return dict(found[0]) if found else None

    def unfinished(self, running: str) -> bool:
        """Return whether what the service is said to run was left half-way, as by a first deployment that was stopped."""
        found = deployments(self.ecs, self.params["cluster"], self.params["service"])
        if not found or found[0]["status"] in ONGOING | {"SUCCESSFUL"}:
            return False
        return self.definition(found[0]["targetServiceRevisionArn"]) == running

    def definition(self, revision: str) -> str | None:
        revisions = self.ecs.describe_service_revisions(serviceRevisionArns=[revision])["serviceRevisions"]
        return next((found.get("taskDefinition") for found in revisions), None)

    def replaced(self, deployment: str) -> str | None:
        """Return the definition that runs until a deployment has ended; the service names the deployment's own already."""
        (found,) = self.ecs.describe_service_deployments(serviceDeploymentArns=[deployment])["serviceDeployments"]
        return next((self.definition(source["arn"]) for source in found.get("sourceServiceRevisions", [])), None)

    def ongoing(self) -> tuple[str, str | None] | None:
        """Return ARN and task definition of the deployment in progress; None if there is none."""
        found = deployments(self.ecs, self.params["cluster"], self.params["service"], status=sorted(ONGOING))
        if not found:
            return None
        return found[0]["serviceDeploymentArn"], self.definition(found[0]["targetServiceRevisionArn"])

    def allowed(self) -> dict[str, float]:
        """Return the vCPUs that may run at once, by capacity provider; one whose quota AWS does not tell is left out."""
        found = {}
        for item in self.params["capacity_providers"]:
            code = preflight.QUOTAS.get(item["provider"], "")
            answer = unless_missing(
                "NoSuchResourceException", self.quotas.get_service_quota, ServiceCode="fargate", QuotaCode=code
            )
            if answer:
                found[item["provider"]] = float(answer["Quota"]["Value"])
        return found

    def log_groups(self) -> list[str]:
        """Return the names of the log groups that begin like that of the tasks."""
        found = self.logs.describe_log_groups(logGroupNamePrefix=self.params["log_group"])["logGroups"]
        return [group["logGroupName"] for group in found]

    def unsendable(self) -> Iterator[str]:
        """Yield why a smoke test or the availability probe could not send what they must; never a value."""
        for name, use in ((self.params["test_secret"], TEST_HEADER), (self.params["token_secret"], BEARER)):
            try:
                if name:
                    fetch(self.secrets, name, use)
            except SecretError as error:
                yield str(error)

    def tasks(self, service: dict[str, Any] | None) -> int:
        """Return the number of tasks that green starts with."""
        return int(service["desiredCount"] if service else self.params["tasks"])

    @cached_property
    def rules(self) -> list[dict[str, Any]]:
        return list(self.elb.describe_rules(ListenerArn=self.params["listener"])["Rules"])

    def target(self) -> str:
        return preflight.target(self.rules, self.params["production_rule"], self.params["target_groups"])

    def blockers(
        self, image: dict[str, Any] | None, service: dict[str, Any] | None, ongoing: tuple[str, str | None] | None
    ) -> Iterator[str]:
        desired = self.params
        if image:
            digest = image["imageDigest"]
            allowed, accepted = desired["max_critical_findings"], desired["allow_unscanned_image"]
            yield from preflight.unscanned(digest, self.scan(digest), allowed, accepted)
        else:
            yield self.no_image()
        yield from preflight.wrong_size(desired["cpu"], desired["memory"])
        yield from preflight.unlogged(desired["log_group"], self.log_groups())
        yield from preflight.misrouted(self.rules, desired["production_rule"], desired["target_groups"])
        if watching := desired["alarms"].get(self.target()) or []:
            alarms = self.cloudwatch.describe_alarms(AlarmNames=watching)["MetricAlarms"]
            running = service is not None and service["runningCount"] > 0
            yield from preflight.alarmed(alarms, watching, running)
        yield from self.unsendable()
        yield from preflight.cramped(self.tasks(service), desired["cpu"], desired["capacity_providers"], self.allowed())
        if ongoing:
            yield from preflight.in_progress(ongoing[1], desired["history"], ongoing[0])
        elif service:
            yield from preflight.by_hand(service["taskDefinition"], desired["history"], desired["replace_unmanaged"])


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "release": {"required": True},
            "repository": {"required": True},
            "cluster": {"required": True},
            "service": {"required": True},
            "cpu": {"type": "int", "required": True},
            "memory": {"type": "int", "required": True},
            "tasks": {"type": "int", "required": True},
            "capacity_providers": {"type": "list", "elements": "dict", "required": True},
            "listener": {"required": True},
            "production_rule": {"required": True},
            "target_groups": {"type": "dict", "required": True},
            "log_group": {"required": True},
            "alarms": {"type": "dict", "default": {}},
            "history": {"type": "list", "elements": "dict", "default": []},
            "replace_unmanaged": {"default": ""},
            "max_critical_findings": {"type": "int", "default": 0},
            "allow_unscanned_image": {"type": "bool", "default": False},
            "test_secret": {"default": "", "no_log": False},  # names of secrets are none
            "token_secret": {"default": "", "no_log": False},
        },
        supports_check_mode=True,
    )
    found = Preflight(module)
    with hiding_secrets(module), failing_with(module, "Could not find out what forbids the release"):
        service = found.service()
        ongoing = found.ongoing() if service else None
        unfinished = found.unfinished(service["taskDefinition"]) if service else False
        running = found.replaced(ongoing[0]) if ongoing else (service or {}).get("taskDefinition")
        image = found.image()
        blockers = list(found.blockers(image, service, ongoing))
        target = found.target()
    module.exit_json(
        changed=False,
        blockers=blockers,
        digest=image["imageDigest"] if image else None,
        tags=image.get("imageTags", []) if image else [],
        orphan=ongoing[0] if ongoing else None,
        unfinished=unfinished,
        serves=service is not None and service["runningCount"] > 0 and not unfinished,
        tasks=found.tasks(service),
        running=running,
        target=target,
    )


if __name__ == "__main__":
    main()
