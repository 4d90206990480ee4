#!/usr/bin/python
"""Own module because community.aws.ecs_cluster knows neither settings (Container Insights) nor tags."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_cluster
short_description: An ECS cluster for Fargate
description:
  - Creates, updates or deletes a cluster, its capacity providers and its Container Insights.
options:
  name: {description: Name, type: str, required: true}
  container_insights: {description: Level of Container Insights, type: str, choices: [disabled, enabled, enhanced], default: disabled}
  capacity_providers: {description: Capacity providers that services may use, type: list, elements: str, default: [FARGATE, FARGATE_SPOT]}
  default_strategy:
    description: Capacity providers of tasks whose service names none.
    type: list
    elements: dict
    default: []
    suboptions:
      provider: {description: Capacity provider, type: str, required: true}
      weight: {description: "Share of the tasks beyond the base, from 0 to 1000", type: int, default: 0}
      base: {description: Number of tasks that always run there, type: int, default: 0}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules, resource.state, resource.tags]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Create the cluster
  ecs_cluster:
    name: campshub360-tier1
    container_insights: enabled
    default_strategy: [{provider: FARGATE, base: 2, weight: 1}]
"""

RETURN = r"""
resource: {description: "The cluster, with its arn", type: dict, returned: success}
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.resource import STATE_OPTION, TAGS_OPTION, Resource, State, run
from ops.aws.tagging import tag_ecs
from ops.aws.tags import tags_from, tags_to


def strategy_state(items: list[State]) -> list[State]:
    states = [
        {"provider": item["capacityProvider"], "weight": item.get("weight", 0), "base": item.get("base", 0)}
        for item in items
    ]
    return sorted(states, key=lambda item: str(item["provider"]))


def strategy_request(items: list[State]) -> list[State]:
    return [{"capacityProvider": item["provider"], "weight": item["weight"], "base": item["base"]} for item in items]


def settings(container_insights: str) -> list[State]:
    return [{"name": "containerInsights", "value": container_insights}]


class EcsCluster(Resource):
    noun = "ECS cluster"
    retryable_errors = (
        # ECS makes the role at the first cluster of an account, and is not done with it when the call is:
        # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using-service-linked-roles.html
        "Unable to assume the service linked role",
        "ClusterContainsTasksException",
        "UpdateInProgressException",
    )

    def __init__(self, module: AnsibleAWSModule) -> None:
        super().__init__(module)
        self.ecs = module.client("ecs")

    def read(self) -> State | None:
        answer = self.ecs.describe_clusters(clusters=[self.name], include=["SETTINGS", "TAGS"])
        active = [cluster for cluster in answer["clusters"] if cluster["status"] == "ACTIVE"]
        if not active:
            return None
        cluster = active[0]
        insights = {item["name"]: item["value"] for item in cluster.get("settings", [])}
        return {
            "arn": cluster["clusterArn"],
            "container_insights": insights.get("containerInsights", "disabled"),
            "capacity_providers": sorted(cluster.get("capacityProviders", [])),
            "default_strategy": strategy_state(cluster.get("defaultCapacityProviderStrategy", [])),
            "tags": tags_from(cluster.get("tags", []), key="key", value="value"),
        }

    def desired(self, found: State | None) -> State:
        return {
            "container_insights": self.params["container_insights"],
            "capacity_providers": sorted(self.params["capacity_providers"]),
            "default_strategy": sorted(self.params["default_strategy"], key=lambda item: str(item["provider"])),
            "tags": self.params["tags"],
        }

    def create(self, desired: State) -> None:
        self.retry(
            self.ecs.create_cluster,
            clusterName=self.name,
            settings=settings(desired["container_insights"]),
            capacityProviders=desired["capacity_providers"],
            defaultCapacityProviderStrategy=strategy_request(desired["default_strategy"]),
            tags=tags_to(desired["tags"], key="key", value="value"),
        )

    def update(self, found: State, changes: State) -> None:
        if "container_insights" in changes:
            self.ecs.update_cluster_settings(cluster=self.name, settings=settings(changes["container_insights"]))
        if {"capacity_providers", "default_strategy"} & changes.keys():
            desired = self.desired(found)
            self.ecs.put_cluster_capacity_providers(
                cluster=self.name,
                capacityProviders=desired["capacity_providers"],
                defaultCapacityProviderStrategy=strategy_request(desired["default_strategy"]),
            )
        if "tags" in changes:
            tag_ecs(self.ecs, found["arn"], found["tags"], changes["tags"])

    def delete(self, found: State) -> None:
        for page in self.ecs.get_paginator("list_tasks").paginate(cluster=self.name):
            for arn in page["taskArns"]:  # one-off tasks: a service is gone before its cluster
                self.ecs.stop_task(cluster=self.name, task=arn, reason=f"The cluster {self.name} is being removed")
        self.retry(self.ecs.delete_cluster, cluster=self.name)


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "container_insights": {"choices": ["disabled", "enabled", "enhanced"], "default": "disabled"},
            "capacity_providers": {"type": "list", "elements": "str", "default": ["FARGATE", "FARGATE_SPOT"]},
            "default_strategy": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "provider": {"required": True},
                    "weight": {"type": "int", "default": 0},
                    "base": {"type": "int", "default": 0},
                },
            },
            **TAGS_OPTION,
            **STATE_OPTION,
        },
        supports_check_mode=True,
    )
    run(EcsCluster(module))


if __name__ == "__main__":
    main()
