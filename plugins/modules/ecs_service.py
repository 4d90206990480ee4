#!/usr/bin/python
"""Own module because community.aws.ecs_service never compares network, capacity strategy or deployment configuration."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_service
short_description: An ECS service on Fargate behind a load balancer
description:
  - Creates the service, or starts a deployment when what it should run differs from what it runs. What only says how
    later deployments go is set without one.
  - The number of tasks is set at creation only; afterwards autoscaling and people own it.
options:
  name: {description: Name, type: str, required: true}
  cluster: {description: Cluster, type: str, required: true}
  task_definition: {description: ARN of a task definition revision, type: str}
  desired_count: {description: Tasks at creation, type: int, default: 1}
  capacity_providers:
    description: Capacity provider strategy. Base is counted before weights.
    type: list
    elements: dict
    default: []
    suboptions:
      provider: {description: FARGATE or FARGATE_SPOT, type: str, required: true}
      base: {description: Tasks that always run here, type: int, default: 0}
      weight: {description: Share of the rest, type: int, default: 0}
  subnets: {description: Subnets of the tasks, type: list, elements: str, default: []}
  security_groups: {description: Security groups of the tasks, type: list, elements: str, default: []}
  assign_public_ip: {description: Whether tasks reach the internet by an address of their own, type: bool, default: false}
  target_group: {description: ARN of the target group of the first deployment, type: str}
  alternate_target_group: {description: "ARN of the other one: deployments alternate", type: str}
  production_rule: {description: ARN of the listener rule that shares production traffic between both, type: str}
  test_rule: {description: ARN of the listener rule for test traffic, type: str}
  infrastructure_role: {description: ARN of the role with which ECS changes these rules, type: str}
  container: {description: The container behind the load balancer, type: str, default: app}
  port: {description: Its port, type: int, default: 8000}
  grace_seconds: {description: Seconds for which a starting task may fail its health checks, type: int, default: 60}
  strategy: {description: How a deployment moves traffic, type: str, choices: [CANARY, LINEAR, BLUE_GREEN], default: CANARY}
  step_percent: {description: "Percent of the traffic that the canary, or each linear step, moves", type: float, default: 10}
  step_minutes: {description: Minutes after such a step, type: int, default: 10}
  bake_minutes: {description: Minutes for which blue is kept after all traffic has moved, type: int, default: 10}
  alarms:
    description: CloudWatch alarms that roll a deployment back. Set with a deployment, as they depend on its target group
    type: list
    elements: str
    default: []
  pause_stages: {description: Lifecycle stages at which a deployment waits for an answer, type: list, elements: str, default: []}
  pause_minutes: {description: Minutes without an answer after which it rolls back, type: int, default: 30}
  force: {description: "Start a deployment although nothing differs: the last one ended half-way", type: bool, default: false}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules, resource.state, resource.tags, resource.wait]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Run the release
  ecs_service:
    name: campshub360-tier1-app
    cluster: campshub360-tier1
    task_definition: arn:aws:ecs:us-east-1:123456789012:task-definition/campshub360-tier1-app:7
    desired_count: 3
    capacity_providers: [{provider: FARGATE, base: 2}, {provider: FARGATE_SPOT, weight: 1}]
    subnets: [subnet-0a, subnet-0b]
    security_groups: [sg-0a]
    target_group: arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/campshub360-tier1-blue/0123456789abcdef
    alternate_target_group: arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/campshub360-tier1-green/0123456789abcdef
    production_rule: arn:aws:elasticloadbalancing:us-east-1:123456789012:listener-rule/app/campshub360-tier1/0a/0b/0c
    test_rule: arn:aws:elasticloadbalancing:us-east-1:123456789012:listener-rule/app/campshub360-tier1/0a/0b/0d
    infrastructure_role: arn:aws:iam::123456789012:role/campshub360-tier1-infrastructure
    pause_stages: [POST_TEST_TRAFFIC_SHIFT]
"""

RETURN = r"""
changes: {description: "What differs, or differed; of these DEPLOYING in the module's code starts a deployment", type: list, returned: success}
resource: {description: "The service's state; deployment is the ARN of the deployment that this run began, if it did", type: dict, returned: success}
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.ecs import deployments
from ops.aws.errors import unless_missing
from ops.aws.resource import STATE_OPTION, TAGS_OPTION, WAIT_OPTIONS, Resource, State, run
from ops.aws.tagging import tag_ecs
from ops.aws.tags import tags_from, tags_to

BALANCER = ("target_group", "alternate_target_group", "production_rule", "test_rule", "infrastructure_role")
STRATEGIES = ["CANARY", "LINEAR", "BLUE_GREEN"]
# A service's update starts a deployment for these alone, botocore's model of UpdateService says.
DEPLOYING = {"task_definition", "network", "load_balancer", "forced"}


def state_from(service: State) -> State:
    """Return a described service in our options, grouped as AWS takes them."""
    network = service["networkConfiguration"]["awsvpcConfiguration"]
    return {
        "arn": service["serviceArn"],
        "status": service["status"],
        "forced": False,
        "deployment": None,
        "task_definition": service["taskDefinition"],
        "capacity_providers": [
            {"provider": item["capacityProvider"], "base": item.get("base", 0), "weight": item.get("weight", 0)}
            for item in service.get("capacityProviderStrategy", [])
        ],
        "network": {
            "subnets": sorted(network["subnets"]),
            "security_groups": sorted(network.get("securityGroups", [])),
            "assign_public_ip": network.get("assignPublicIp") == "ENABLED",
        },
        "load_balancer": balancer_from(service["loadBalancers"]),
        "grace_seconds": service.get("healthCheckGracePeriodSeconds", 0),
        "rollout": rollout_from(service["deploymentConfiguration"]),
        "tags": tags_from(service.get("tags", []), "key", "value"),
    }


def balancer_from(balancers: list[State]) -> State:
    """Return the target groups and rules of the service's load balancer."""
    if not balancers:
        return {}
    advanced = balancers[0].get("advancedConfiguration", {})
    return {
        "target_group": balancers[0]["targetGroupArn"],
        "alternate_target_group": advanced.get("alternateTargetGroupArn"),
        "production_rule": advanced.get("productionListenerRule"),
        "test_rule": advanced.get("testListenerRule"),
        "infrastructure_role": advanced.get("roleArn"),
    }


def rollout_from(configuration: State) -> State:
    """Return the deployment configuration in our options."""
    canary, linear = configuration.get("canaryConfiguration", {}), configuration.get("linearConfiguration", {})
    alarms = configuration.get("alarms", {})
    hooks = [hook for hook in configuration.get("lifecycleHooks", []) if hook.get("targetType") == "PAUSE"]
    return {
        "strategy": configuration.get("strategy", "ROLLING"),
        "step_percent": canary.get("canaryPercent", linear.get("stepPercent")),
        "step_minutes": canary.get("canaryBakeTimeInMinutes", linear.get("stepBakeTimeInMinutes")),
        "bake_minutes": configuration.get("bakeTimeInMinutes", 0),
        "alarms": sorted(alarms.get("alarmNames", [])) if alarms.get("enable") and alarms.get("rollback") else [],
        "pause_stages": sorted(stage for hook in hooks for stage in hook["lifecycleStages"]),
        "pause_minutes": next((hook.get("timeoutConfiguration", {}).get("timeoutInMinutes") for hook in hooks), None),
    }


def desired_rollout(params: State) -> State:
    """Return the options of a deployment, without those that its strategy does not have."""
    names = ("strategy", "step_percent", "step_minutes", "bake_minutes", "pause_minutes")
    rollout = {name: params[name] for name in names} | {
        name: sorted(params[name]) for name in ("alarms", "pause_stages")
    }
    if params["strategy"] == "BLUE_GREEN":
        rollout |= {"step_percent": None, "step_minutes": None}
    if not params["pause_stages"]:
        rollout["pause_minutes"] = None
    return rollout


def configuration_from(rollout: State) -> State:
    """Return the deploymentConfiguration. An unanswered pause rolls back: the operator may have been killed.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/pause-lifecycle-hooks.html
    """
    timeout = {"timeoutInMinutes": rollout["pause_minutes"], "action": "ROLLBACK"}
    hook = {"targetType": "PAUSE", "lifecycleStages": rollout["pause_stages"], "timeoutConfiguration": timeout}
    request: State = {
        "strategy": rollout["strategy"],
        "bakeTimeInMinutes": rollout["bake_minutes"],
        "alarms": {"alarmNames": rollout["alarms"], "enable": bool(rollout["alarms"]), "rollback": True},
        "lifecycleHooks": [hook] if rollout["pause_stages"] else [],
    }
    percent, minutes = rollout["step_percent"], rollout["step_minutes"]
    if rollout["strategy"] == "CANARY":
        request["canaryConfiguration"] = {"canaryPercent": percent, "canaryBakeTimeInMinutes": minutes}
    if rollout["strategy"] == "LINEAR":
        request["linearConfiguration"] = {"stepPercent": percent, "stepBakeTimeInMinutes": minutes}
    return request


def request_from(part: str, value: Any, container: State) -> State:
    """Return the parameters of CreateService and UpdateService for one part of the state. container: its name and port."""
    match part:
        case "task_definition":
            return {"taskDefinition": value}
        case "capacity_providers":
            strategy = [
                {"capacityProvider": item["provider"], "base": item["base"], "weight": item["weight"]} for item in value
            ]
            return {"capacityProviderStrategy": strategy}
        case "network":
            network = {
                "subnets": value["subnets"],
                "securityGroups": value["security_groups"],
                "assignPublicIp": "ENABLED" if value["assign_public_ip"] else "DISABLED",
            }
            return {"networkConfiguration": {"awsvpcConfiguration": network}}
        case "load_balancer":
            advanced = {
                "alternateTargetGroupArn": value["alternate_target_group"],
                "productionListenerRule": value["production_rule"],
                "testListenerRule": value["test_rule"],
                "roleArn": value["infrastructure_role"],
            }
            balancer = {"targetGroupArn": value["target_group"], "advancedConfiguration": advanced, **container}
            return {"loadBalancers": [balancer]}
        case "grace_seconds":
            return {"healthCheckGracePeriodSeconds": value}
        case "forced":
            return {"forceNewDeployment": value}
        case "rollout":
            return {"deploymentConfiguration": configuration_from(value)}
    return {}


class Service(Resource):
    noun = "service"

    def __init__(self, module: AnsibleAWSModule) -> None:
        super().__init__(module)
        self.ecs = module.client("ecs")
        # Of those there are, the ARNs that were there before this run asked for one; None while it has not.
        self.known: set[str] | None = None

    def read(self) -> State | None:
        answer = unless_missing(
            "ClusterNotFoundException",
            self.ecs.describe_services,
            cluster=self.params["cluster"],
            services=[self.name],
            include=["TAGS"],
        )
        # a deleted service stays visible for a while: DRAINING while its tasks stop, then INACTIVE
        there = [service for service in (answer or {}).get("services", []) if service["status"] != "INACTIVE"]
        return state_from(there[0]) | {"deployment": self.deployment()} if there else None

    def deployment(self) -> str | None:
        """Return the ARN of the deployment that this run started, as soon as AWS lists it.

        Not the service's `currentServiceDeployment`: for a while it may be the one before.
        https://github.com/kayac/ecspresso/pull/945
        """
        return next((arn for arn in self.recent() if arn not in self.known), None) if self.known is not None else None

    def recent(self) -> list[str]:
        """Return the ARNs of the last hour's deployments in any state, the newest first."""
        hour = {"after": datetime.now(UTC) - timedelta(hours=1)}
        found = deployments(self.ecs, self.params["cluster"], self.name, createdAt=hour)
        return [str(one["serviceDeploymentArn"]) for one in found]

    def desired(self, found: State | None) -> State:
        count = {"forced": self.params["force"]} if found else {"desired_count": self.params["desired_count"]}
        desired: State = {
            "task_definition": self.params["task_definition"],
            "capacity_providers": self.params["capacity_providers"],
            "network": {
                "subnets": sorted(self.params["subnets"]),
                "security_groups": sorted(self.params["security_groups"]),
                "assign_public_ip": self.params["assign_public_ip"],
            },
            "load_balancer": {name: self.params[name] for name in BALANCER},
            "grace_seconds": self.params["grace_seconds"],
            "rollout": desired_rollout(self.params),
            "tags": self.params["tags"],
            "status": "ACTIVE",
            **count,
        }
        if found and all(found[part] == desired[part] for part in DEPLOYING):
            desired["rollout"]["alarms"] = found["rollout"]["alarms"]
        return desired

    def requests(self, parts: State) -> State:
        """Return the parameters of CreateService and UpdateService for these parts of the state."""
        container = {"containerName": self.params["container"], "containerPort": self.params["port"]}
        request: State = {}
        for part, value in parts.items():
            request |= request_from(part, value, container)
        return request

    def create(self, desired: State) -> None:
        self.known = set(self.recent())  # an earlier service of that name may have left some
        self.ecs.create_service(
            cluster=self.params["cluster"],
            serviceName=self.name,
            desiredCount=desired["desired_count"],
            enableECSManagedTags=True,
            propagateTags="SERVICE",
            tags=tags_to(desired["tags"], "key", "value"),
            **self.requests(desired),
        )

    def refusal(self, found: State, changes: State) -> str | None:
        if found["status"] == "DRAINING" and self.params["state"] == "present":
            return (
                f"The service {self.name} was deleted, and its tasks still drain. Nothing was touched. Run the same command "
                "again when they have ended (playbooks/status.yml), in some minutes at most."
            )
        return None

    def update(self, found: State, changes: State) -> None:
        if changes.keys() & DEPLOYING:
            self.known = set(self.recent())
        if request := self.requests(changes):
            self.ecs.update_service(cluster=self.params["cluster"], service=self.name, **request)
        if "tags" in changes:
            tag_ecs(self.ecs, found["arn"], found["tags"], changes["tags"])

    def delete(self, found: State) -> None:
        if found["status"] != "DRAINING":
            self.ecs.delete_service(cluster=self.params["cluster"], service=self.name, force=True)

    def is_ready(self, found: State) -> bool:
        """Return whether AWS lists the deployment that this run started; its operator needs the ARN."""
        return self.known is None or found["deployment"] is not None


def main() -> None:
    strategy = {
        "provider": {"required": True},
        "base": {"type": "int", "default": 0},
        "weight": {"type": "int", "default": 0},
    }
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "cluster": {"required": True},
            "task_definition": {},
            "desired_count": {"type": "int", "default": 1},
            "capacity_providers": {"type": "list", "elements": "dict", "default": [], "options": strategy},
            "subnets": {"type": "list", "elements": "str", "default": []},
            "security_groups": {"type": "list", "elements": "str", "default": []},
            "assign_public_ip": {"type": "bool", "default": False},
            **{name: {} for name in BALANCER},
            "container": {"default": "app"},
            "port": {"type": "int", "default": 8000},
            "grace_seconds": {"type": "int", "default": 60},
            "strategy": {"choices": STRATEGIES, "default": "CANARY"},
            "step_percent": {"type": "float", "default": 10},
            "step_minutes": {"type": "int", "default": 10},
            "bake_minutes": {"type": "int", "default": 10},
            "alarms": {"type": "list", "elements": "str", "default": []},
            "pause_stages": {"type": "list", "elements": "str", "default": []},
            "pause_minutes": {"type": "int", "default": 30},
            "force": {"type": "bool", "default": False},
            **TAGS_OPTION,
            **STATE_OPTION,
            **WAIT_OPTIONS,
        },
        required_if=[("state", "present", ["task_definition", *BALANCER])],
        supports_check_mode=True,
    )
    run(Service(module))


if __name__ == "__main__":
    main()
