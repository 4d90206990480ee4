"""Settings: the sandbox's folder, its addresses, the length of an AWS minute, faults."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.faults import NO_FAULTS, Faults, FaultsError

CHECKOUT = Path(__file__).resolve().parent.parent
ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
# Fixed, so that an inventory can hold them and a shell keeps working after `down` and `up`.
OPERATOR_KEY = "AKIASANDBOXOPERATOR0"
OPERATOR_SECRET = "the-sandbox-operator-is-no-secret"


class SettingsError(ValueError):
    """A SANDBOX_* variable has an invalid value; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one sandbox.

    root: the folder of all that it writes; net: the first two octets of its loopback addresses; minute: real seconds
    that one AWS minute lasts; faults: errors that the API returns at random.
    """

    root: Path
    net: str = "127.36"
    minute: float = 2.0
    account_id: str = ACCOUNT_ID
    region: str = REGION
    faults: Faults = NO_FAULTS

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read SANDBOX_DIR, SANDBOX_NET, SANDBOX_MINUTE and SANDBOX_FAULTS. Raises SettingsError."""
        root = Path(environ.get("SANDBOX_DIR") or CHECKOUT / ".sandbox").absolute()
        return cls(
            root=root,
            net=_net(environ.get("SANDBOX_NET") or "127.36"),
            minute=_minute(environ.get("SANDBOX_MINUTE") or "2"),
            faults=_faults(environ.get("SANDBOX_FAULTS") or ""),
        )

    @property
    def api_address(self) -> str:
        return f"{self.net}.0.1"

    @property
    def api_port(self) -> int:
        return 8443

    @property
    def api_url(self) -> str:
        return f"https://{self.api_address}:{self.api_port}"

    @property
    def credentials_address(self) -> str:
        return f"{self.net}.0.2"

    @property
    def credentials_port(self) -> int:
        return 8080

    @property
    def credentials_url(self) -> str:
        return f"http://{self.credentials_address}:{self.credentials_port}"

    @property
    def envoy_admin(self) -> tuple[str, int]:
        return f"{self.net}.0.3", 9901

    @property
    def log(self) -> Path:
        return self.root / "log"


def _net(value: str) -> str:
    try:
        loopback = ipaddress.ip_address(f"{value}.0.1").is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise SettingsError(
            f"SANDBOX_NET={value!r} is not the first half of a loopback address. "
            "Set it to 127.N with N from 0 to 255, for example SANDBOX_NET=127.36."
        )
    return value


def _minute(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 60:
        raise SettingsError(
            f"SANDBOX_MINUTE={value!r} is not the seconds an AWS minute lasts here. "
            "Set it to a number above 0 and up to 60, for example SANDBOX_MINUTE=2."
        )
    return seconds


def _faults(value: str) -> Faults:
    try:
        return Faults.parse(value) if value else NO_FAULTS
    except FaultsError as error:
        raise SettingsError(f"SANDBOX_FAULTS={error}") from error
