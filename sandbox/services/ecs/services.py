"""Services: kept whole, checked, and turned into deployments for the ECS controller.

Pages named API_*.html are those of https://docs.aws.amazon.com/AmazonECS/latest/APIReference/
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ecs.exceptions import ECSException, InvalidParameterException, ServiceNotFoundException
from moto.ecs.models import EC2ContainerServiceBackend
from moto.ecs.responses import EC2ContainerServiceResponse

from sandbox.aws_api.patch import operation
from sandbox.services.ecs.definitions import runnable
from sandbox.services.ecs.deployment_configuration import DEFAULTS, configuration_of
from sandbox.services.ecs.launch import PLATFORM_VERSION, check_capacity, check_network
from sandbox.services.ecs.load_balancers import check_load_balancers
from sandbox.services.ecs.records.deployments import begin
from sandbox.services.ecs.records.services import Deployment, Service
from sandbox.services.ecs.records.tasks import Document, now

#: fields that ECS only keeps and returns, with their defaults
KEPT: Document = {
    "healthCheckGracePeriodSeconds": 0,
    "schedulingStrategy": "REPLICA",
    "deploymentController": {"type": "ECS"},
    "enableECSManagedTags": False,
    "propagateTags": "NONE",
    "enableExecuteCommand": False,
    "availabilityZoneRebalancing": "DISABLED",
    "platformVersion": "LATEST",
}
NOT_EMULATED = (
    "serviceRegistries",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
)


def install() -> None:
    """Attach the operations on services."""
    for patch in (create_service, update_service, delete_service, describe_services, list_services):
        operation(EC2ContainerServiceResponse)(patch)


def create_service(self: EC2ContainerServiceResponse) -> ActionResult:
    """Create a service with all given fields, and start a deployment. API_CreateService.html"""
    backend, given = self.ecs_backend, _given(self)
    cluster = backend._get_cluster(given.get("cluster", "default"))
    key = f"{cluster.name}:{given['serviceName']}"
    services: dict[str, Any] = backend.services
    if key in services and services[key].status != "INACTIVE":
        raise InvalidParameterException(
            "Unable to Start a service that is still Draining."
            if services[key].status == "DRAINING"
            else "Creation of service was not idempotent."
        )
    if given.get("desiredCount") is None:
        raise InvalidParameterException("Desired count should not be null or empty.")
    launch_type, strategy = check_capacity(cluster, given.get("launchType"), given.get("capacityProviderStrategy"))
    definition = runnable(backend, given.get("taskDefinition") or "")
    load_balancers = given.get("loadBalancers") or []
    configuration = configuration_of(given, DEFAULTS)
    check_load_balancers(backend, definition, load_balancers, configuration["strategy"])
    service = Service(
        name=given["serviceName"],
        arn=f"arn:aws:ecs:{self.region}:{self.current_account}:service/{cluster.name}/{given['serviceName']}",
        account=self.current_account,
        region=self.region,
        cluster_name=cluster.name,
        cluster_arn=cluster.arn,
        desired_count=given["desiredCount"],
        settings={name: given.get(name, default) for name, default in KEPT.items()}
        | {"deploymentConfiguration": configuration},
        tags=given.get("tags") or [],
        deployments=[
            Deployment(
                definition=definition,
                desired_count=given["desiredCount"],
                launch_type=launch_type,
                strategy=strategy,
                platform_version=PLATFORM_VERSION,
                network=check_network(backend, definition, given.get("networkConfiguration")),
                load_balancers=load_balancers,
                serving=load_balancers,
            )
        ],
    )
    begin(service, service.primary)
    services[key] = service
    return ActionResult({"service": service.describe()})


def update_service(self: EC2ContainerServiceResponse) -> ActionResult:
    """Update a service; start a deployment only if its tasks change. API_UpdateService.html"""
    backend, given = self.ecs_backend, _given(self)
    service = _find(self, given["service"])
    if service.status != "ACTIVE":
        raise ECSException("ServiceNotActiveException", "Service was not ACTIVE.")
    cluster = backend._get_cluster(service.cluster_name)
    before = service.primary
    configuration = configuration_of(given, service.settings["deploymentConfiguration"])
    after = _next_deployment(self, service, given, configuration["strategy"])
    if given.get("capacityProviderStrategy"):
        _, after.strategy = check_capacity(cluster, None, given["capacityProviderStrategy"])
    service.settings |= {name: given[name] for name in KEPT if name in given}
    service.settings["deploymentConfiguration"] = configuration
    if given.get("desiredCount") is not None:
        service.desired_count = given["desiredCount"]
    if given.get("forceNewDeployment") or _work(after) != _work(before):
        before.status, before.updated_at = "ACTIVE", now()
        service.deployments.insert(0, after)
        begin(service, after)
    else:
        before.strategy = after.strategy
    service.primary.desired_count = service.desired_count
    service.primary.updated_at = now()
    return ActionResult({"service": service.describe()})


def delete_service(self: EC2ContainerServiceResponse) -> ActionResult:
    """Delete a service: it drains, and is INACTIVE when its tasks have stopped. API_DeleteService.html"""
    service = _find(self, self._get_param("service"))
    if service.status == "INACTIVE":
        raise ServiceNotFoundException
    if service.desired_count > 0 and not self._get_param("force"):
        raise InvalidParameterException("The service cannot be stopped while it is scaled above 0.")
    service.status, service.desired_count = "DRAINING", 0
    service.primary.desired_count = 0
    return ActionResult({"service": service.describe()})


def describe_services(self: EC2ContainerServiceResponse) -> ActionResult:
    """Describe services, INACTIVE ones too, with failures for unknown ones. API_DescribeServices.html"""
    cluster = self.ecs_backend._get_cluster(self._get_param("cluster", "default"))
    known: dict[str, Any] = self.ecs_backend.services
    described, failures = [], []
    for reference in self._get_param("services") or ():
        name = reference.split("/")[-1]
        service = known.get(f"{cluster.name}:{name}")
        if service:
            tags = service.tags if "TAGS" in (self._get_param("include") or ()) else []
            described.append(service.describe() | {"tags": tags})
        else:
            arn = f"arn:aws:ecs:{self.region}:{self.current_account}:service/{cluster.name}/{name}"
            failures.append({"arn": arn, "reason": "MISSING"})
    return ActionResult({"services": described, "failures": failures})


def list_services(self: EC2ContainerServiceResponse) -> ActionResult:
    """List services, without deleted ones. API_ListServices.html"""
    backend = self.ecs_backend
    cluster = backend._get_cluster(self._get_param("cluster", "default"))
    found = [s.arn for s in services_of(backend, cluster.name) if s.status != "INACTIVE"]
    return ActionResult({"serviceArns": sorted(found)})


def services_of(backend: EC2ContainerServiceBackend, cluster: str | None = None) -> list[Service]:
    """Return all services that are still visible: of a cluster, or all."""
    known: dict[str, Any] = backend.services
    return [s for s in known.values() if cluster in (None, s.cluster_name)]


def _given(response: EC2ContainerServiceResponse) -> Document:
    given = {k: v for k, v in response._get_params().items() if v is not None}
    for name in NOT_EMULATED:
        if given.get(name):
            raise NotImplementedError(f"services with {name}")
    for name, emulated in (("schedulingStrategy", "REPLICA"), ("deploymentController", "ECS")):
        value = given.get(name, emulated)
        if (value["type"] if isinstance(value, dict) else value) != emulated:
            raise NotImplementedError(f"services with {name} {value}")
    return given


def _find(response: EC2ContainerServiceResponse, reference: str) -> Service:
    cluster = response.ecs_backend._get_cluster(response._get_param("cluster", "default"))
    known: dict[str, Any] = response.ecs_backend.services
    service = known.get(f"{cluster.name}:{reference.rsplit('/', maxsplit=1)[-1]}")
    if not isinstance(service, Service):
        raise ServiceNotFoundException
    return service


def _next_deployment(
    response: EC2ContainerServiceResponse, service: Service, given: Document, strategy: str
) -> Deployment:
    before, backend = service.primary, response.ecs_backend
    reference = given.get("taskDefinition")
    definition = runnable(backend, reference) if reference else before.definition
    load_balancers = given.get("loadBalancers", before.load_balancers)
    check_load_balancers(backend, definition, load_balancers, strategy)
    same = load_balancers == before.load_balancers
    return Deployment(
        definition=definition,
        desired_count=service.desired_count,
        launch_type=before.launch_type,
        strategy=before.strategy,
        platform_version=PLATFORM_VERSION,
        network=check_network(backend, definition, given.get("networkConfiguration") or before.network),
        load_balancers=load_balancers,
        serving=before.serving if same else load_balancers,
    )


def _work(deployment: Deployment) -> tuple[object, ...]:
    """Return the fields that start a deployment when they change, by botocore's model of UpdateService."""
    return (
        deployment.definition.arn,
        deployment.network,
        deployment.platform_version,
        deployment.load_balancers,
    )
