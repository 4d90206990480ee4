"""Reconcile ELBv2: Envoy listens for load balancers, and target health is Envoy's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from moto.acm.models import acm_backends
from moto.elbv2.models import ELBv2Backend, FakeLoadBalancer, FakeTargetGroup

from sandbox.aws_api.status import TargetHealth
from sandbox.control.context import Sandbox
from sandbox.runtime.certificates import Identity
from sandbox.runtime.envoy import Cluster, Endpoint, HealthCheck, HttpListener
from sandbox.services.elbv2 import envoy as elbv2_envoy
from sandbox.services.elbv2.health import HealthTracker, Key
from sandbox.services.elbv2.interfaces import Interfaces
from sandbox.services.elbv2.targets import forwarded_to

OWNER = "elbv2"
#: A load balancer is active some minutes after its creation.
PROVISIONING_MINUTES = 2.0


@dataclass(frozen=True, slots=True)
class _Watched:
    """A target that Envoy checks."""

    key: Key
    cluster: str
    endpoint: Endpoint
    check: HealthCheck


class ElbV2Controller:
    """Compare load balancers with Envoy's listeners, and target groups with its clusters."""

    name = OWNER

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._tracker = HealthTracker()
        self._interfaces = Interfaces(sandbox.state, sandbox.clock)
        self._served: dict[str, tuple[str, float]] = {}  # ARN -> DNS name, since when

    def reconcile(self) -> None:
        with self._sandbox.state.lock:
            watched = self._serve()
        try:
            observed = self._sandbox.envoy.health()
        except OSError:  # Envoy is being restarted: no news
            return
        self._tracker.forget_all_but({one.key for one in watched})
        self._report(
            {
                one.key: self._tracker.evaluate(
                    one.key,
                    one.endpoint,
                    one.check,
                    observed.get(one.cluster, {}).get((one.endpoint.address, one.endpoint.port)),
                )
                for one in watched
            }
        )

    def close(self) -> None:
        self._sandbox.envoy.set(OWNER)

    def _serve(self) -> list[_Watched]:
        listeners: list[HttpListener] = []
        clusters: list[Cluster] = []
        watched: list[_Watched] = []
        present: set[str] = set()
        for _, _, backend in self._sandbox.state.backends("elbv2"):
            self._interfaces.keep(backend)
            for balancer in backend.load_balancers.values():
                present.add(balancer.arn)
                listeners += self._listeners(backend, balancer)
                for group in _groups(backend, balancer):
                    cluster = self._cluster(balancer, group)
                    targets = list(_watched(group, cluster))
                    known = tuple(one.endpoint for one in targets if not self._tracker.renewed(one.key))
                    clusters.append(replace(cluster, endpoints=known))
                    watched += targets
        self._sandbox.envoy.set(OWNER, listeners, clusters)
        self._withdraw(present)
        return watched

    def _listeners(self, backend: ELBv2Backend, balancer: FakeLoadBalancer) -> Iterator[HttpListener]:
        certificates = acm_backends[backend.account_id][backend.region_name]._certificates

        def identify(arn: str) -> Identity:
            certificate = certificates[arn]
            names = dict.fromkeys([certificate.common_name, *certificate.sans])
            return self._sandbox.authority.issue(names)

        address = self._sandbox.network.address(_place(balancer.arn))
        self._announce(balancer, address)
        for listener in balancer.listeners.values():
            yield elbv2_envoy.listener(balancer, listener, address, identify)

    def _announce(self, balancer: FakeLoadBalancer, address: str) -> None:
        self._sandbox.network.publish(balancer.dns_name, address)
        now = time.monotonic()
        _, since = self._served.setdefault(balancer.arn, (balancer.dns_name, now))
        if balancer.state == "provisioning":
            ready = now - since >= self._sandbox.clock.seconds(PROVISIONING_MINUTES)
            balancer.state = "active" if ready else "provisioning"

    def _withdraw(self, present: set[str]) -> None:
        """Withdraw the names of load balancers that no longer exist."""
        for arn in self._served.keys() - present:
            dns_name, _ = self._served.pop(arn)
            self._sandbox.network.withdraw(dns_name)
            self._sandbox.network.release(_place(arn))

    def _cluster(self, balancer: FakeLoadBalancer, group: FakeTargetGroup) -> Cluster:
        def locate(ip: str) -> str:
            return self._sandbox.network.address(f"ip/{group.vpc_id}/{ip}")

        idle_timeout = float(balancer.attrs["idle_timeout.timeout_seconds"])
        return elbv2_envoy.cluster(group, idle_timeout, locate)

    def _report(self, health: dict[Key, TargetHealth]) -> None:
        status, state = self._sandbox.status, self._sandbox.state
        with state.lock:
            changed = status.target_health != health
            status.target_health = health
        if changed:
            state.changed.set()


def _place(arn: str) -> str:
    """Return the name of a load balancer's address: load-balancer/app/<name>/<id>."""
    return f"load-balancer/{arn.partition(':loadbalancer/')[2]}"


def _groups(backend: ELBv2Backend, balancer: FakeLoadBalancer) -> Iterator[FakeTargetGroup]:
    for arn in sorted(forwarded_to(balancer)):
        yield backend.target_groups[arn]


def _watched(group: FakeTargetGroup, cluster: Cluster) -> Iterator[_Watched]:
    check = elbv2_envoy.health_check(group)
    for endpoint in cluster.endpoints:
        key = (group.arn, endpoint.host, endpoint.port)
        yield _Watched(key, cluster.name, endpoint, check)
