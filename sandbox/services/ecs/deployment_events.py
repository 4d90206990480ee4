"""Events about deployments and their hooks that ECS sends to EventBridge.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_hook_state_change_events.html
"""

from __future__ import annotations

from sandbox.services.ecs.records.deployments import Hook, ServiceDeployment
from sandbox.services.ecs.records.services import Service
from sandbox.services.ecs.records.tasks import Document, now
from sandbox.services.eventbridge import emit


def deployment_changed(service: Service, deployment_id: str, name: str, reason: str) -> None:
    """Send the event of a deployment. name: IN_PROGRESS, COMPLETED or FAILED."""
    _send(
        service,
        "ECS Deployment State Change",
        service.arn,
        {
            "eventType": "ERROR" if name == "FAILED" else "INFO",
            "eventName": f"SERVICE_DEPLOYMENT_{name}",
            "clusterArn": service.cluster_arn,
            "deploymentId": deployment_id,
            "updatedAt": now(),
            "reason": reason,
        },
    )


def hook_changed(service: Service, rollout: ServiceDeployment, hook: Hook) -> None:
    """Send the event of a hook: it awaits an action, got one, or timed out."""
    _send(
        service,
        "ECS Hook State Change",
        rollout.arn,
        {
            "eventType": "INFO",
            "eventName": f"HOOK_{hook.status}",
            "hookId": hook.id,
            "hookType": "PAUSE",
            "expiresAt": hook.expires_at,
            "lifecycleStage": hook.stage,
            "clusterArn": rollout.cluster_arn,
            "serviceArn": rollout.service_arn,
            "serviceDeploymentArn": rollout.arn,
            "updatedAt": now(),
        },
    )


def _send(service: Service, detail_type: str, resource: str, detail: Document) -> None:
    emit(
        service.account, service.region, source="aws.ecs", detail_type=detail_type, resources=[resource], detail=detail
    )
