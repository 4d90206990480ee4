"""The context that every controller is created with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.aws_api.principals import Principals
from sandbox.aws_api.state import State
from sandbox.aws_api.status import Status
from sandbox.config import Settings
from sandbox.control.clock import Clock
from sandbox.runtime.certificates import Authority
from sandbox.runtime.network import Network

if TYPE_CHECKING:
    from sandbox.runtime.envoy import Envoy
    from sandbox.runtime.images import Images


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The parts of one running sandbox."""

    settings: Settings
    state: State
    status: Status
    principals: Principals
    network: Network
    authority: Authority
    envoy: Envoy
    clock: Clock
    images: Images
