"""ECS: clusters. Task definitions, tasks, services and deployments are in modules of their own.

Pages named API_*.html are those of https://docs.aws.amazon.com/AmazonECS/latest/APIReference/
"""

from __future__ import annotations

from moto.core.responses import ActionResult
from moto.ecs.exceptions import ECSException, InvalidParameterException
from moto.ecs.models import Cluster, EC2ContainerServiceBackend
from moto.ecs.responses import EC2ContainerServiceResponse

from sandbox.aws_api.patch import operation
from sandbox.services.ecs import definitions as ecs_definitions
from sandbox.services.ecs import deployments as ecs_deployments
from sandbox.services.ecs import services as ecs_services
from sandbox.services.ecs import tasks as ecs_tasks
from sandbox.services.ecs.launch import FARGATE, all_tasks
from sandbox.services.ecs.records.tasks import Document, present
from sandbox.services.ecs.services import services_of


def install() -> None:
    """Attach ECS's patches."""
    for patch in (
        create_cluster,
        describe_clusters,
        delete_cluster,
        list_clusters,
        update_cluster,
        update_cluster_settings,
        put_cluster_capacity_providers,
        describe_capacity_providers,
    ):
        operation(EC2ContainerServiceResponse)(patch)
    for module in (ecs_definitions, ecs_tasks, ecs_services, ecs_deployments):
        module.install()


def create_cluster(self: EC2ContainerServiceResponse) -> ActionResult:
    """Create a cluster, or return an ACTIVE one of that name as it is. API_CreateCluster.html"""
    name = self._get_param("clusterName") or "default"
    cluster = self.ecs_backend.clusters.get(name)
    if cluster is None or cluster.status == "INACTIVE":
        providers = _known(self._get_param("capacityProviders"))
        cluster = self.ecs_backend.create_cluster(
            name,
            self._get_param("tags") or [],
            self._get_param("settings"),
            self._get_param("configuration"),
            providers,
            _associated(self._get_param("defaultCapacityProviderStrategy"), providers),
            self._get_param("serviceConnectDefaults"),
        )
    return ActionResult({"cluster": _describe(self.ecs_backend, cluster, {"SETTINGS", "TAGS"})})


def describe_clusters(self: EC2ContainerServiceResponse) -> ActionResult:
    """Describe clusters with their counts, and with other parts if included. API_DescribeClusters.html"""
    clusters, failures = self.ecs_backend.describe_clusters(self._get_param("clusters") or [])
    include = set(self._get_param("include") or ())
    return ActionResult(
        {
            "clusters": [_describe(self.ecs_backend, cluster, include) for cluster in clusters],
            "failures": [{"arn": f.arn, "reason": f.reason} for f in failures],
        }
    )


def delete_cluster(self: EC2ContainerServiceResponse) -> ActionResult:
    """Delete a cluster; refuse one with services or tasks. API_DeleteCluster.html"""
    cluster = self.ecs_backend._get_cluster(self._get_param("cluster"))
    if any(s.status != "INACTIVE" for s in services_of(self.ecs_backend, cluster.name)):
        raise ECSException(
            "ClusterContainsServicesException",
            "The Cluster cannot be deleted while Services are active.",
        )
    if any(t.last_status != "STOPPED" for t in all_tasks(self.ecs_backend, cluster.name)):
        raise ECSException(
            "ClusterContainsTasksException",
            "The Cluster cannot be deleted while Tasks are active.",
        )
    cluster.status = "INACTIVE"
    return ActionResult({"cluster": _describe(self.ecs_backend, cluster, {"SETTINGS"})})


def list_clusters(self: EC2ContainerServiceResponse) -> ActionResult:
    """List clusters, without deleted ones. API_ListClusters.html"""
    clusters = self.ecs_backend.clusters.values()
    return ActionResult({"clusterArns": [c.arn for c in clusters if c.status == "ACTIVE"]})


def update_cluster(self: EC2ContainerServiceResponse) -> ActionResult:
    """Update a cluster's settings and configuration. API_UpdateCluster.html"""
    cluster = self.ecs_backend.update_cluster(
        self._get_param("cluster"),
        self._get_param("settings"),
        self._get_param("configuration"),
        self._get_param("serviceConnectDefaults"),
    )
    return ActionResult({"cluster": _describe(self.ecs_backend, cluster, {"SETTINGS", "TAGS"})})


def update_cluster_settings(self: EC2ContainerServiceResponse) -> ActionResult:
    """Update a cluster's settings. API_UpdateClusterSettings.html"""
    cluster = self.ecs_backend._get_cluster(self._get_param("cluster"))
    cluster.settings = self._get_param("settings")
    return ActionResult({"cluster": _describe(self.ecs_backend, cluster, {"SETTINGS", "TAGS"})})


def put_cluster_capacity_providers(self: EC2ContainerServiceResponse) -> ActionResult:
    """Replace both lists of a cluster's capacity providers. API_PutClusterCapacityProviders.html"""
    cluster = self.ecs_backend._get_cluster(self._get_param("cluster"))
    providers = _known(self._get_param("capacityProviders"))
    strategy = _associated(self._get_param("defaultCapacityProviderStrategy"), providers)
    cluster.capacity_providers = providers
    cluster.default_capacity_provider_strategy = strategy
    return ActionResult({"cluster": _describe(self.ecs_backend, cluster, {"SETTINGS", "TAGS"})})


def describe_capacity_providers(self: EC2ContainerServiceResponse) -> ActionResult:
    """Describe capacity providers: FARGATE and FARGATE_SPOT, which every account has. API_CapacityProvider.html"""
    desired = [name.split("/")[-1] for name in self._get_param("capacityProviders") or FARGATE]
    prefix = f"arn:aws:ecs:{self.region}:{self.current_account}:capacity-provider/"
    return ActionResult(
        {
            "capacityProviders": [
                {"capacityProviderArn": prefix + name, "name": name, "status": "ACTIVE"}
                for name in desired
                if name in FARGATE
            ],
            "failures": [{"arn": prefix + name, "reason": "MISSING"} for name in desired if name not in FARGATE],
        }
    )


def _known(providers: list[str] | None) -> list[str]:
    for name in providers or ():
        if name not in FARGATE:
            raise InvalidParameterException(
                "The specified capacity provider does not exist. Specify a valid name or ARN and try again."
            )
    return providers or []


def _associated(strategy: list[Document] | None, providers: list[str]) -> list[Document]:
    for item in strategy or ():
        if item["capacityProvider"] not in providers:
            raise InvalidParameterException(
                "The specified default capacity provider strategy contains a capacity provider"
                " that is not associated with the cluster."
            )
    return [{"base": 0, "weight": 0, **item} for item in strategy or ()]


def _describe(backend: EC2ContainerServiceBackend, cluster: Cluster, include: set[str]) -> Document:
    tasks = all_tasks(backend, cluster.name)
    active = [s for s in services_of(backend, cluster.name) if s.status == "ACTIVE"]
    return present(
        clusterArn=cluster.arn,
        clusterName=cluster.name,
        status=cluster.status,
        registeredContainerInstancesCount=0,
        runningTasksCount=sum(t.last_status == "RUNNING" for t in tasks),
        pendingTasksCount=sum(t.last_status in ("PROVISIONING", "PENDING", "ACTIVATING") for t in tasks),
        activeServicesCount=len(active),
        statistics=[],
        settings=cluster.settings if "SETTINGS" in include else [],
        configuration=cluster.configuration if "CONFIGURATIONS" in include else None,
        tags=cluster.tags if "TAGS" in include else [],
        capacityProviders=cluster.capacity_providers or [],
        defaultCapacityProviderStrategy=cluster.default_capacity_provider_strategy or [],
        serviceConnectDefaults=cluster.service_connect_defaults,
    )
