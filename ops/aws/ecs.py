"""The deployments of an ECS service.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListServiceDeployments.html
"""

from __future__ import annotations

from typing import Any

from ops.aws.errors import unless_missing

NO_SERVICE = {"ServiceNotFoundException", "ClusterNotFoundException"}
PAGE = 100


def deployments(ecs: Any, cluster: str, service: str, **desired: Any) -> list[dict[str, Any]]:
    """Return a service's deployments, the newest first, which AWS does not promise; none without the service.

    desired: filters of ListServiceDeployments.
    """
    found: list[dict[str, Any]] = []
    request = {"cluster": cluster, "service": service, "maxResults": PAGE, **desired}
    while page := unless_missing(NO_SERVICE, ecs.list_service_deployments, **request):
        found += page["serviceDeployments"]
        if not page.get("nextToken"):
            break
        request["nextToken"] = page["nextToken"]
    return sorted(found, key=lambda one: one["createdAt"], reverse=True)
