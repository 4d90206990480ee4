"""Steady load from outside while something happens to a stack, and what became of each request and each write.

    with under_load(sandbox, tmp_path / "requests.jsonl") as load:
        ...
    assert load.seen.failed == 0

It is the probe's own engine in this process, with more of everything: a third writes, and some whose answer the
application holds for two seconds, so that draining has something to drain.
"""

from __future__ import annotations

import math
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops.probe.client import Address, Client
from ops.probe.heartbeat import read_back, tokens
from ops.probe.probe import Load, Probe
from ops.probe.results import Log, Request, Summary, requests_in, summarise
from sandbox.runtime.network import read_hosts
from tests.support.stack import NAME, STACK, Sandbox
from tests.support.waiting import HANGS_SECONDS

RATE = 100.0
WRITE_PERCENT = 34.0
HELD_PERCENT, HELD_MS = 2.0, 2000
PATHS = ("/", "/readyz")
TIMEOUT_SECONDS = HANGS_SECONDS  # an answer that a busy machine gives late is an answer
PORT = 8443


@dataclass(slots=True)
class UnderLoad:
    """What is sent; `seen` is there when it has ended, `so_far` at any time."""

    load: Load
    known: Sequence[str]
    results: Path
    seen: Summary = field(default_factory=Summary)

    @property
    def so_far(self) -> list[Request]:
        return requests_in(self.results)

    def look_back(self) -> Summary:
        """Ask the application what it holds of the writes."""
        with Client(self.load.address) as client:
            return summarise(self.so_far, read_back(client, self.load.name, self.known))


def address(sandbox: Sandbox, timeout: float = TIMEOUT_SECONDS) -> Address:
    """The application's public name, and where its load balancer listens on this machine."""
    balancer: dict[str, Any] = sandbox.client("elbv2").describe_load_balancers(Names=[STACK])["LoadBalancers"][0]
    listening = f"{read_hosts(sandbox.settings.root / 'hosts')[balancer['DNSName'].lower()]}:{PORT}"
    return Address(f"https://{NAME}", listening, str(sandbox.settings.root / "ca.pem"), timeout)


@contextmanager
def sending(load: Load, known: Sequence[str], record: Path) -> Iterator[UnderLoad]:
    """Send this load as long as the context lasts; then await what is under way, and look for the writes."""
    there = UnderLoad(load, known, record)
    log, over, errors = Log(record), threading.Event(), list[BaseException]()

    def work() -> None:
        try:
            Probe(load, known, log).run(over.wait)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work, name="load", daemon=True)
    thread.start()
    try:
        yield there
    finally:
        over.set()
        thread.join()
        log.close()
    if errors:
        raise errors[0]
    there.seen = there.look_back()


@contextmanager
def under_load(
    sandbox: Sandbox, record: Path, rate: float = RATE, write_percent: float = WRITE_PERCENT
) -> Iterator[UnderLoad]:
    """Load on the released stack of a sandbox. The heartbeats are read at the end alone: they grow by the thousand."""
    load = Load(
        address=address(sandbox),
        name=f"load-{secrets.token_hex(8)}",
        rate=rate,
        write_percent=write_percent,
        paths=PATHS,
        read_back=False,
        held_percent=HELD_PERCENT,
        held_ms=HELD_MS,
    )
    known = tokens(sandbox.client("secretsmanager"), f"{STACK}/heartbeat-token")
    with sending(load, known, record) as there:
        yield there


def at_most(requests: int, share: float) -> int:
    """So many of the requests at most fall on green, 999 times in 1,000."""
    return math.ceil(requests * share + 3.29 * math.sqrt(requests * share * (1 - share)))


def shared(requests: Sequence[Request], tag: str) -> int:
    """How many were sent while that release had a share: from its first request to its last."""
    moments = [one.t for one in requests if one.release == tag]
    assert moments, "nobody met it"
    return sum(min(moments) <= one.t <= max(moments) for one in requests)
