"""A sandbox in this process: the API over HTTPS, Envoy, and the controllers under test."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from moto.backends import get_backend

from sandbox.aws_api.journal import Journal
from sandbox.aws_api.principals import Principals
from sandbox.aws_api.server import Api
from sandbox.aws_api.state import State
from sandbox.aws_api.status import Status
from sandbox.aws_api.transport import HttpsServer
from sandbox.config import OPERATOR_KEY, OPERATOR_SECRET, Settings
from sandbox.control.clock import Clock
from sandbox.control.context import Sandbox
from sandbox.control.loop import Controller, Loop
from sandbox.lifecycle import clear
from sandbox.runtime.certificates import Authority
from sandbox.runtime.envoy import Envoy
from sandbox.runtime.images import Images
from sandbox.runtime.network import Network
from sandbox.services import install
from tests.support import nets
from tests.support.waiting import until as eventually

__all__ = ["MINUTE", "Stage", "eventually", "running"]

NET = nets.OWN
MINUTE = 0.4


@dataclass
class Stage:
    """A running sandbox and the network of one stack."""

    sandbox: Sandbox
    vpc: str = ""
    subnets: tuple[str, ...] = ()
    security_group: str = ""
    held: threading.Lock = field(default_factory=threading.Lock)

    def client(self, service: str) -> Any:
        """Return a boto3 client of the operator that does not retry."""
        return boto3.client(
            service,
            region_name="us-east-1",
            endpoint_url=self.sandbox.settings.api_url,
            verify=str(self.sandbox.authority.certificate),
            aws_access_key_id=OPERATOR_KEY,
            aws_secret_access_key=OPERATOR_SECRET,
            config=Config(retries={"max_attempts": 0}),
        )

    @contextmanager
    def still(self) -> Iterator[None]:
        """Pause the controllers: a passing state lasts as long as the context."""
        with self.held:
            yield

    def build_network(self) -> None:
        """Create a VPC with a subnet in each of two zones, and a security group."""
        ec2 = self.client("ec2")
        self.vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
        self.subnets = tuple(
            ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"10.20.{i}.0/24", AvailabilityZone=f"us-east-1{zone}")[
                "Subnet"
            ]["SubnetId"]
            for i, zone in enumerate("ab")
        )
        group = ec2.create_security_group(GroupName="data", Description="data", VpcId=self.vpc)
        self.security_group = group["GroupId"]


class _Held:
    """A controller that waits while another thread holds the lock."""

    def __init__(self, controller: Controller, lock: threading.Lock) -> None:
        self.name, self.close = controller.name, controller.close
        self._controller, self._lock = controller, lock

    def reconcile(self) -> None:
        with self._lock:
            self._controller.reconcile()


@contextmanager
def running(root: Path, *controllers: Callable[[Sandbox], Controller]) -> Iterator[Stage]:
    """Start a sandbox, and stop it without leaving a process or a file."""
    install()
    for service in ("ec2", "rds", "elasticache", "secretsmanager", "kms"):
        get_backend(service).reset()
    settings = Settings(root, NET, MINUTE)
    authority, state = Authority(root), State()
    principals = Principals(settings, state)
    sandbox = Sandbox(
        settings=settings,
        state=state,
        status=Status(),
        principals=principals,
        network=Network(root, NET),
        authority=authority,
        envoy=Envoy(root, settings.envoy_admin),
        clock=Clock(MINUTE),
        images=Images(root),
    )
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, root)
        stack.callback(clear, root)
        journal = Journal(root / "api.jsonl")
        stack.callback(journal.close)
        identity = authority.issue(["localhost"], [settings.api_address])
        api = Api(state, principals, journal)
        server = HttpsServer(settings.api_address, settings.api_port, identity, api)
        server.start()
        stack.callback(server.stop)
        stack.callback(sandbox.envoy.stop)
        sandbox.envoy.start()
        stage = Stage(sandbox)
        for make in controllers:
            loop = Loop(_Held(make(sandbox), stage.held), state.changed)
            stack.callback(loop.stop)
            loop.start()
        stage.build_network()
        yield stage
