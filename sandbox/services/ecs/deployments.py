"""Service deployments and revisions: the API's operations on them.

Pages named API_*.html are those of https://docs.aws.amazon.com/AmazonECS/latest/APIReference/
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from moto.core.responses import ActionResult
from moto.ecs.exceptions import ECSException, InvalidParameterException, ServiceNotFoundException
from moto.ecs.models import EC2ContainerServiceBackend
from moto.ecs.responses import EC2ContainerServiceResponse

from sandbox.aws_api.patch import operation
from sandbox.services.ecs.deployment_events import hook_changed
from sandbox.services.ecs.records.deployments import ServiceDeployment, describe_revision, revision_arn
from sandbox.services.ecs.records.services import Service
from sandbox.services.ecs.records.tasks import Document

MAX_ARNS = 20
PAGE = 20


def install() -> None:
    """Attach the operations on service deployments."""
    for patch in (
        list_service_deployments,
        describe_service_deployments,
        describe_service_revisions,
        stop_service_deployment,
        continue_service_deployment,
    ):
        operation(EC2ContainerServiceResponse)(patch)


def list_service_deployments(self: EC2ContainerServiceResponse) -> ActionResult:
    """List service deployments, the latest first. API_ListServiceDeployments.html"""
    backend = self.ecs_backend
    cluster = backend._get_cluster(self._get_param("cluster", "default"))
    name = self._get_param("service").rsplit("/", maxsplit=1)[-1]
    service = backend.services.get(f"{cluster.name}:{name}")
    if not isinstance(service, Service):
        raise ServiceNotFoundException
    statuses = self._get_param("status") or []
    created = self._get_param("createdAt") or {}
    found = [
        one
        for one in reversed(service.rollouts)
        if (not statuses or one.status in statuses)
        and ("before" not in created or one.created_at < _utc(created["before"]))
        and ("after" not in created or one.created_at > _utc(created["after"]))
    ]
    begin, size = int(self._get_param("nextToken") or 0), int(self._get_param("maxResults") or PAGE)
    page: Document = {"serviceDeployments": [one.brief() for one in found[begin : begin + size]]}
    return ActionResult(page | ({"nextToken": str(begin + size)} if len(found) > begin + size else {}))


def describe_service_deployments(self: EC2ContainerServiceResponse) -> ActionResult:
    """Describe service deployments, with failures for unknown ones. API_DescribeServiceDeployments.html"""
    known = {one.arn: one for _, one in _rollouts(self.ecs_backend)}
    arns = _arns(self, "serviceDeploymentArns")
    return ActionResult(
        {
            "serviceDeployments": [known[arn].describe() for arn in arns if arn in known],
            "failures": [{"arn": arn, "reason": "MISSING"} for arn in arns if arn not in known],
        }
    )


def describe_service_revisions(self: EC2ContainerServiceResponse) -> ActionResult:
    """Describe service revisions, with failures for unknown ones. API_DescribeServiceRevisions.html"""
    known = {
        revision_arn(service.arn, revision): (service, revision)
        for service in _services(self.ecs_backend)
        for revision in service.revisions
    }
    arns = _arns(self, "serviceRevisionArns")
    return ActionResult(
        {
            "serviceRevisions": [describe_revision(*known[arn]) for arn in arns if arn in known],
            "failures": [{"arn": arn, "reason": "MISSING"} for arn in arns if arn not in known],
        }
    )


def stop_service_deployment(self: EC2ContainerServiceResponse) -> ActionResult:
    """Stop a deployment: roll back to the source, or (ABORT) leave it as it is. API_StopServiceDeployment.html

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stop-service-deployment.html
    """
    _, rollout = _find(self)
    if not rollout.ongoing:
        raise ECSException(
            "ConflictException",
            f"The service deployment is in the terminal state {rollout.status}, it can't be stopped.",
        )
    abort = (self._get_param("stopType") or "ROLLBACK") == "ABORT"
    if abort and not rollout.shifting:
        raise NotImplementedError("aborting a rolling deployment")
    if rollout.status in ("PENDING", "IN_PROGRESS"):
        if abort:
            rollout.enter("STOP_REQUESTED", "Service deployment stopped by user request.")
        else:
            rollout.enter("ROLLBACK_REQUESTED", "Service deployment rolled back because of a user request.")
    return ActionResult({"serviceDeploymentArn": rollout.arn})


def continue_service_deployment(self: EC2ContainerServiceResponse) -> ActionResult:
    """Continue a deployment at a hook that awaits an action. API_ContinueServiceDeployment.html

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/troubleshooting-blue-green.html
    """
    service, rollout = _find(self)
    identity = self._get_param("hookId") or ""
    if not re.fullmatch(r"ecs-[a-z]+-[\w-]+", identity):
        raise InvalidParameterException("Invalid hookId: hookId must follow the format: ecs-{hookType}-{id}")
    if not rollout.ongoing:
        raise InvalidParameterException(
            "Continuing a service deployment is not allowed for service deployment in terminal states."
        )
    hook = rollout.hook(identity)
    if hook is None or rollout.status != "IN_PROGRESS":
        raise InvalidParameterException(
            "Provided hookId is either completed, unavailable, or not associated with the given Resource ARN"
        )
    hook.status = "FAILED" if self._get_param("action") == "ROLLBACK" else "SUCCEEDED"
    hook_changed(service, rollout, hook)
    return ActionResult({"serviceDeploymentArn": rollout.arn})


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _arns(response: EC2ContainerServiceResponse, name: str) -> list[str]:
    arns: list[str] = response._get_param(name) or []
    if not 1 <= len(arns) <= MAX_ARNS:
        raise InvalidParameterException(f"{name} must hold 1 to {MAX_ARNS} ARNs.")
    return arns


def _services(backend: EC2ContainerServiceBackend) -> list[Service]:
    return [one for one in backend.services.values() if isinstance(one, Service)]


def _rollouts(backend: EC2ContainerServiceBackend) -> list[tuple[Service, ServiceDeployment]]:
    return [(service, one) for service in _services(backend) for one in service.rollouts]


def _find(response: EC2ContainerServiceResponse) -> tuple[Service, ServiceDeployment]:
    arn = response._get_param("serviceDeploymentArn")
    for service, rollout in _rollouts(response.ecs_backend):
        if rollout.arn == arn:
            return service, rollout
    raise ECSException("ServiceDeploymentNotFoundException", "The service deployment does not exist.")
