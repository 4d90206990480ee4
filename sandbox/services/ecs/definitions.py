"""Task definitions: checked, completed with AWS's defaults, and returned whole.

Pages named API_*.html are those of https://docs.aws.amazon.com/AmazonECS/latest/APIReference/
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ecs.exceptions import EcsClientException
from moto.ecs.models import EC2ContainerServiceBackend
from moto.ecs.responses import EC2ContainerServiceResponse

from sandbox.aws_api.patch import operation
from sandbox.services.ecs import definition_checks
from sandbox.services.ecs.records.tasks import Definition, Document, now

CONTAINER_DEFAULTS: Document = {
    "cpu": 0,
    "portMappings": [],
    "essential": True,
    "environment": [],
    "mountPoints": [],
    "volumesFrom": [],
    "systemControls": [],
}


def install() -> None:
    """Attach the operations on task definitions."""
    for patch in (
        register_task_definition,
        describe_task_definition,
        deregister_task_definition,
        delete_task_definitions,
        list_task_definitions,
        list_task_definition_families,
    ):
        operation(EC2ContainerServiceResponse)(patch)


def find(backend: EC2ContainerServiceBackend, reference: str) -> Definition:
    """Return the revision of an ARN or `family:revision`, or the latest ACTIVE one of a family."""
    family, _, revision = reference.rsplit("/", maxsplit=1)[-1].partition(":")
    revisions: dict[int, Any] = backend.task_definitions.get(family, {})
    if revision:
        found = revisions.get(int(revision)) if revision.isdigit() else None
    else:
        active = [d for d in revisions.values() if d.status == "ACTIVE"]
        found = max(active, key=lambda d: d.revision, default=None)
    if not isinstance(found, Definition):
        raise EcsClientException("Unable to describe task definition.")
    return found


def runnable(backend: EC2ContainerServiceBackend, reference: str) -> Definition:
    """Return the same as `find`, if it is ACTIVE and the sandbox can run it."""
    try:
        definition = find(backend, reference)
    except EcsClientException:
        raise EcsClientException("TaskDefinition not found.") from None
    if definition.status != "ACTIVE":
        raise EcsClientException("TaskDefinition is inactive")
    if definition.document.get("volumes"):
        raise NotImplementedError("running tasks with volumes")
    for container in definition.containers:
        for field in ("dependsOn", "environmentFiles", "firelensConfiguration", "restartPolicy"):
            if container.get(field):
                raise NotImplementedError(f"running containers with {field}")
    return definition


def register_task_definition(self: EC2ContainerServiceResponse) -> ActionResult:
    """Register a task definition: check it, complete it, and keep all of it.

    API_RegisterTaskDefinition.html
    """
    document: Document = {k: v for k, v in self._get_params().items() if v is not None}
    tags = document.pop("tags", [])
    definition_checks.check(document)
    backend = self.ecs_backend
    family = document.pop("family")
    revisions: dict[int, Any] = backend.task_definitions.setdefault(family, {})
    revision = max(revisions, default=0) + 1
    definition = Definition(
        arn=f"arn:aws:ecs:{self.region}:{self.current_account}:task-definition/{family}:{revision}",
        family=family,
        revision=revision,
        document=_completed(document),
        tags=tags,
        registered_by=f"arn:aws:iam::{self.current_account}:root",
    )
    revisions[revision] = definition
    return ActionResult({"taskDefinition": definition.describe(), "tags": tags})


def describe_task_definition(self: EC2ContainerServiceResponse) -> ActionResult:
    """Describe a task definition, with tags if included. API_DescribeTaskDefinition.html"""
    definition = find(self.ecs_backend, self._get_param("taskDefinition"))
    answer: Document = {"taskDefinition": definition.describe()}
    if "TAGS" in (self._get_param("include") or ()):
        answer["tags"] = definition.tags
    return ActionResult(answer)


def deregister_task_definition(self: EC2ContainerServiceResponse) -> ActionResult:
    """Make a task definition INACTIVE; it still exists. API_DeregisterTaskDefinition.html"""
    reference = self._get_param("taskDefinition")
    if ":" not in reference.split("/")[-1]:
        raise EcsClientException("Revision is missing.")
    definition = find(self.ecs_backend, reference)
    definition.status, definition.deregistered_at = "INACTIVE", now()
    return ActionResult({"taskDefinition": definition.describe()})


def delete_task_definitions(self: EC2ContainerServiceResponse) -> ActionResult:
    """Delete task definitions; refuse any but INACTIVE revisions. API_DeleteTaskDefinitions.html"""
    deleted, failures = self.ecs_backend.delete_task_definitions(self._get_param("taskDefinitions"))
    gone: list[Any] = deleted
    for definition in gone:
        # AWS never gives a revision's number twice.
        self.ecs_backend.task_definitions[definition.family][definition.revision] = definition
    return ActionResult(
        {
            "taskDefinitions": [definition.describe() for definition in gone],
            "failures": [{"arn": f.arn, "reason": f.reason} for f in failures],
        }
    )


def list_task_definitions(self: EC2ContainerServiceResponse) -> ActionResult:
    """List task definitions, sorted by family and revision. API_ListTaskDefinitions.html"""
    family, status = self._get_param("familyPrefix"), self._get_param("status") or "ACTIVE"
    found = sorted(
        (d for d in _all(self.ecs_backend) if d.status == status and family in (None, d.family)),
        key=lambda d: (d.family, d.revision),
        reverse=self._get_param("sort") == "DESC",
    )
    return ActionResult({"taskDefinitionArns": [definition.arn for definition in found]})


def list_task_definition_families(self: EC2ContainerServiceResponse) -> ActionResult:
    """List families by prefix and status. API_ListTaskDefinitionFamilies.html"""
    prefix, status = self._get_param("familyPrefix") or "", self._get_param("status") or "ALL"
    active = {d.family for d in _all(self.ecs_backend) if d.status == "ACTIVE"}
    known = {d.family for d in _all(self.ecs_backend)}
    desired = {"ACTIVE": active, "INACTIVE": known - active, "ALL": known}[status]
    return ActionResult({"families": sorted(f for f in desired if f.startswith(prefix))})


def _all(backend: EC2ContainerServiceBackend) -> list[Definition]:
    families: dict[str, dict[int, Any]] = backend.task_definitions
    return [definition for revisions in families.values() for definition in revisions.values()]


def _completed(document: Document) -> Document:
    """Return the document with AWS's defaults."""
    fargate = "FARGATE" in (document.get("requiresCompatibilities") or ())
    numbers = {
        name: str(definition_checks.units(document[name], word, 1024))
        for name, word in (("cpu", "vcpu"), ("memory", "gb"))
        if name in document
    }
    return {
        "volumes": [],
        "placementConstraints": [],
        "compatibilities": ["EC2", "FARGATE"] if fargate else ["EC2"],
        "networkMode": "awsvpc" if fargate else "bridge",
        **document,
        **numbers,
        "containerDefinitions": [_container(c) for c in document["containerDefinitions"]],
    }


def _container(container: Document) -> Document:
    mappings = [
        {"hostPort": mapping["containerPort"], "protocol": "tcp", **mapping}
        for mapping in container.get("portMappings") or ()
    ]
    return {**CONTAINER_DEFAULTS, **container, "portMappings": mappings}
