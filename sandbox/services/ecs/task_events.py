"""Events about tasks that ECS sends to EventBridge.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html
"""

from __future__ import annotations

from sandbox.services.ecs.records.tasks import Task
from sandbox.services.eventbridge import emit


def task_changed(task: Task) -> None:
    """Send the event with the task's present state."""
    emit(
        task.account,
        task.region,
        source="aws.ecs",
        detail_type="ECS Task State Change",
        resources=[task.arn],
        detail=task.describe(),
    )
