"""RunTask, StopTask, DescribeTasks and ListTasks. The ECS controller runs the tasks.

Pages named API_*.html are those of https://docs.aws.amazon.com/AmazonECS/latest/APIReference/
"""

from __future__ import annotations

from moto.core.responses import ActionResult
from moto.ecs.exceptions import InvalidParameterException
from moto.ecs.responses import EC2ContainerServiceResponse

from sandbox.aws_api.patch import operation
from sandbox.services.ecs.definitions import runnable
from sandbox.services.ecs.launch import Launch, all_tasks, check_capacity, check_network, launch
from sandbox.services.ecs.records.tasks import Definition, Document, Tags, Task

MOST_TASKS_AT_ONCE = 10


def install() -> None:
    """Attach the operations on tasks."""
    for patch in (run_task, stop_task, describe_tasks, list_tasks):
        operation(EC2ContainerServiceResponse)(patch)


def run_task(self: EC2ContainerServiceResponse) -> ActionResult:
    """Run tasks, with overrides, tags and a capacity provider strategy. API_RunTask.html"""
    backend = self.ecs_backend
    cluster = backend._get_cluster(self._get_param("cluster", "default"))
    definition = runnable(backend, self._get_param("taskDefinition"))
    count = self._get_int_param("count", 1)
    if not 1 <= count <= MOST_TASKS_AT_ONCE:
        raise InvalidParameterException(
            f"Invalid count {count}: between 1 and {MOST_TASKS_AT_ONCE} tasks can be started."
        )
    _, strategy = check_capacity(cluster, self._get_param("launchType"), self._get_param("capacityProviderStrategy"))
    group = self._get_param("group") or f"family:{definition.family}"
    desired = Launch(
        cluster=cluster,
        definition=definition,
        network=check_network(backend, definition, self._get_param("networkConfiguration")),
        group=group,
        started_by=self._get_param("startedBy") or "",
        strategy=strategy,
        overrides=self._get_param("overrides") or {},
        tags=task_tags(
            definition,
            self._get_param("tags") or [],
            propagate=self._get_param("propagateTags"),
            managed={"aws:ecs:clusterName": cluster.name} if self._get_param("enableECSManagedTags") else {},
        ),
        execute_command=bool(self._get_param("enableExecuteCommand")),
    )
    tasks = [launch(backend, desired) for _ in range(count)]
    return ActionResult({"tasks": [task.describe() for task in tasks], "failures": []})


def stop_task(self: EC2ContainerServiceResponse) -> ActionResult:
    """Request the end of a task; the controller stops it. API_StopTask.html"""
    found, _ = _find(self, [self._get_param("task")])
    if not found:
        raise InvalidParameterException("The referenced task was not found.")
    task = found[0]
    task.stop("UserInitiated", self._get_param("reason") or "Task stopped by user")
    return ActionResult({"task": task.describe()})


def describe_tasks(self: EC2ContainerServiceResponse) -> ActionResult:
    """Describe tasks, with failures for unknown ones. API_DescribeTasks.html"""
    references = self._get_param("tasks") or []
    if not references:
        raise InvalidParameterException("Tasks cannot be empty.")
    found, missing = _find(self, references)
    tasks = [task.describe() for task in found]
    if "TAGS" not in (self._get_param("include") or ()):
        for task in tasks:
            task["tags"] = []
    prefix = f"arn:aws:ecs:{self.region}:{self.current_account}:task/"
    failures = [{"arn": prefix + m.split("task/")[-1], "reason": "MISSING"} for m in missing]
    return ActionResult({"tasks": tasks, "failures": failures})


def list_tasks(self: EC2ContainerServiceResponse) -> ActionResult:
    """List tasks by filters; without desiredStatus, those that are to run. API_ListTasks.html"""
    backend = self.ecs_backend
    cluster = backend._get_cluster(self._get_param("cluster", "default"))
    status = self._get_param("desiredStatus") or "RUNNING"
    service = self._get_param("serviceName")
    if service:
        backend._get_service(cluster.name, service.split("/")[-1])
    desired = {
        "group": f"service:{service.split('/')[-1]}" if service else None,
        "family": self._get_param("family"),
        "started_by": self._get_param("startedBy"),
        "launch_type": self._get_param("launchType"),
    }
    found = [
        task.task_arn
        for task in all_tasks(backend, cluster.name)
        if task.desired_status == status and _matches(task, desired)
    ]
    return ActionResult({"taskArns": found})


def task_tags(definition: Definition, tags: Tags, *, propagate: str | None, managed: Document) -> Tags:
    """Return the task's own tags, then those of its definition, then ECS's own; the first of a key counts.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html
    """
    inherited = definition.tags if propagate == "TASK_DEFINITION" else []
    merged = managed | {t["key"]: t["value"] for t in (*inherited, *tags)}
    return [{"key": key, "value": value} for key, value in merged.items()]


def _matches(task: Task, desired: dict[str, str | None]) -> bool:
    has = {
        "group": task.group,
        "family": task.definition.family,
        "started_by": task.started_by,
        "launch_type": task.launch_type,
    }
    return all(value in (None, has[name]) for name, value in desired.items())


def _find(response: EC2ContainerServiceResponse, references: list[str]) -> tuple[list[Task], list[str]]:
    backend = response.ecs_backend
    cluster = backend._get_cluster(response._get_param("cluster", "default"))
    known = {task.id: task for task in all_tasks(backend, cluster.name)}
    ids = {reference: reference.split("/")[-1] for reference in references}
    found = [known[identity] for identity in ids.values() if identity in known]
    return found, [reference for reference, identity in ids.items() if identity not in known]
