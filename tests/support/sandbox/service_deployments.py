"""A service and a deployment engine without processes: tests state which tasks run."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

from sandbox.control.clock import Clock
from sandbox.control.context import Sandbox
from sandbox.services.ecs.deployment.engine import DeploymentEngine, TaskCounts
from sandbox.services.ecs.records.services import Service
from tests.support.sandbox.api_only import LocalApi
from tests.support.sandbox.colours import POLICY, TRUST

MINUTE = 2.0  # seconds: what is to last a day lasts longer than any test
QUICK = {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0, "lifecycleHooks": []}


class Region:
    """Clients and a network that all services of a test module share."""

    def __init__(self, api: LocalApi) -> None:
        self.api = api
        names = ("ecs", "elbv2", "iam", "cloudwatch", "logs", "events", "ec2")
        self.clients = {name: api.client(name) for name in names}
        ec2 = self.clients["ec2"]
        self.vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
        blocks = {"us-east-1a": "10.20.0.0/24", "us-east-1b": "10.20.1.0/24"}
        self.subnets = [
            ec2.create_subnet(VpcId=self.vpc, CidrBlock=block, AvailabilityZone=zone)["Subnet"]["SubnetId"]
            for zone, block in blocks.items()
        ]


class Scene:
    """A service of two tasks in a cluster of its own, and an engine that is told which tasks run."""

    _count = itertools.count()

    def __init__(self, region: Region) -> None:
        self.api, self.subnets = region.api, region.subnets
        self.name = f"scene{next(self._count)}"
        self.ecs, self.elb, self.iam = (region.clients[name] for name in ("ecs", "elbv2", "iam"))
        self.cloudwatch, self.logs, self.events = (region.clients[name] for name in ("cloudwatch", "logs", "events"))
        parts = SimpleNamespace(state=self.api.state, clock=Clock(MINUTE))
        self.engine = DeploymentEngine(cast(Sandbox, parts))
        balancer = self.elb.create_load_balancer(Name=self.name, Subnets=self.subnets)["LoadBalancers"][0]
        options = {"Protocol": "HTTP", "Port": 8000, "TargetType": "ip", "VpcId": region.vpc}
        self.blue, self.green = (
            self.elb.create_target_group(Name=f"{self.name}-{name}", **options)["TargetGroups"][0]["TargetGroupArn"]
            for name in ("blue", "green")
        )
        self.listener = self.elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80, DefaultActions=[self.forward(1, 0)]
        )["Listeners"][0]["ListenerArn"]
        condition = {"Field": "path-pattern", "Values": ["/*"]}
        self.rule = self.elb.create_rule(
            ListenerArn=self.listener, Priority=1, Conditions=[condition], Actions=[self.forward(1, 0)]
        )["Rules"][0]["RuleArn"]
        role = self.iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=json.dumps(TRUST))
        self.role = role["Role"]["Arn"]
        self.iam.put_role_policy(RoleName=self.name, PolicyName="p", PolicyDocument=json.dumps(POLICY))
        self.ecs.create_cluster(clusterName=self.name)

    def forward(self, blue: int, green: int) -> dict[str, Any]:
        weights = ((self.blue, blue), (self.green, green))
        groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights]
        return {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}

    def load_balancer(self, **advanced: Any) -> dict[str, Any]:
        port = {"targetGroupArn": self.blue, "containerName": "app", "containerPort": 8000}
        rule = {"alternateTargetGroupArn": self.green, "productionListenerRule": self.rule, "roleArn": self.role}
        return port | {"advancedConfiguration": rule | advanced}

    def define(self) -> str:
        made = self.ecs.register_task_definition(
            family="web",
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            containerDefinitions=[{"name": "app", "image": "app:1", "portMappings": [{"containerPort": 8000}]}],
        )
        return str(made["taskDefinition"]["taskDefinitionArn"])

    def create(self, configuration: dict[str, Any] = QUICK, **advanced: Any) -> str:
        network = {"awsvpcConfiguration": {"subnets": self.subnets}}
        answer = self.ecs.create_service(
            cluster=self.name,
            serviceName="web",
            taskDefinition=self.define(),
            desiredCount=2,
            launchType="FARGATE",
            networkConfiguration=network,
            loadBalancers=[self.load_balancer(**advanced)],
            deploymentConfiguration=configuration,
        )
        return str(answer["service"]["currentServiceDeployment"])

    def deploy(self, **configuration: Any) -> str:
        answer = self.ecs.update_service(
            cluster=self.name,
            service="web",
            taskDefinition=self.define(),
            deploymentConfiguration=QUICK | configuration,
        )
        return str(answer["service"]["currentServiceDeployment"])

    @property
    def service(self) -> Service:
        backend = self.api.state.backend("ecs", self.api.settings.account_id, "us-east-1")
        return cast(Service, backend.services[f"{self.name}:web"])

    def look(self, **running: int) -> dict[str, int]:
        """Step the engine with so many healthy tasks by role (stable, primary, stale).

        Returns the desired tasks by role.
        """
        service = self.service
        by_role = {"primary": service.primary, "stable": service.stable}
        stale = [d for d in service.deployments if d not in by_role.values()]
        counts: Counter[str] = Counter()
        for role, count in running.items():
            deployment = stale[0] if role == "stale" else by_role[role]
            assert deployment
            counts[deployment.id] = count
        desired = self.engine.step(service, TaskCounts(counts, counts, counts))
        names = {d.id: role for role, d in by_role.items() if d} | {d.id: "stale" for d in stale}
        return {names[key]: count for key, count in (desired or {}).items() if count}

    def settle(self) -> None:
        """Carry the first deployment out to its end."""
        for _ in range(3):
            self.look(primary=2)
        assert self.latest()["status"] == "SUCCESSFUL", self.latest()

    def latest(self) -> dict[str, Any]:
        arn = self.ecs.list_service_deployments(cluster=self.name, service="web")["serviceDeployments"][0]
        return self.describe(arn["serviceDeploymentArn"])

    def describe(self, arn: str) -> dict[str, Any]:
        return dict(self.ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"][0])

    def weights(self) -> tuple[int, int]:
        found = self.elb.describe_rules(RuleArns=[self.rule])["Rules"][0]["Actions"][0]
        groups = {one["TargetGroupArn"]: one["Weight"] for one in found["ForwardConfig"]["TargetGroups"]}
        return groups[self.blue], groups[self.green]

    def alarm(self, state: str) -> None:
        self.cloudwatch.put_metric_alarm(
            AlarmName="errors",
            ComparisonOperator="GreaterThanThreshold",
            EvaluationPeriods=1,
            MetricName="Errors",
            Namespace="Test",
            Period=60,
            Statistic="Sum",
            Threshold=1.0,
        )
        self.cloudwatch.set_alarm_state(AlarmName="errors", StateValue=state, StateReason="test")
