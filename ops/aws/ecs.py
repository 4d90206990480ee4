"""The deployments of a service, as ECS lists them.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListServiceDeployments.html
"""

from __future__ import annotations

from typing import Any

from ops.aws.errors import unless_missing

NO_SERVICE = {"ServiceNotFoundException", "ClusterNotFoundException"}
PAGE = 100


def deployments(ecs: Any, cluster: str, service: str, **desired: Any) -> list[dict[str, Any]]:
    """The newest first, which AWS does not promise; none where there is no service. desired: AWS's own filters."""
    found: list[dict[str, Any]] = []
    request = {"cluster": cluster, "service": service, "maxResults": PAGE, **desired}
    while page := unless_missing(NO_SERVICE, ecs.list_service_deployments, **request):
        found += page["serviceDeployments"]
        if not page.get("nextToken"):
            break
        request["nextToken"] = page["nextToken"]
    return sorted(found, key=lambda one: one["createdAt"], reverse=True)
