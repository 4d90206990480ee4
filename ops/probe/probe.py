"""The availability probe: sends requests to the application at a steady rate, and logs the result of each.

The rate does not depend on the answers (an open loop): each request is due at its time, and a slow one occupies a
thread of its own instead of delaying the next. Reads and writes are mixed evenly. A write is a heartbeat with a
sequence number that is used once, so that lost and doubled writes are found afterwards.

Runs as a companion process of a play (ops/process/companion.py); load tests use `Probe` alone.
"""

from __future__ import annotations

import itertools
import math
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import boto3

from ops.aws.redaction import redact
from ops.aws.secrets import SecretError
from ops.probe.client import Address, Answer, Client, NoAnswerError
from ops.probe.heartbeat import (
    ACKNOWLEDGED,
    PATH,
    UNAUTHORIZED,
    authorization,
    read_path,
    tokens,
)
from ops.probe.results import Log, Request
from ops.process.companion import Companion, serve

MOST_THREADS = 512
# Requests that fell due while the machine stood still are skipped beyond this: a burst would measure itself.
BEHIND_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Load:
    """Which requests are sent, and how many a second.

    paths: read in turn, each expected to answer 200. read_back: whether the heartbeats are read as one of these paths.
    held_percent: percentage of all requests that are writes whose answer the application is to delay by held_ms.
    """

    address: Address
    name: str
    rate: float = 10.0
    write_percent: float = 33.0
    paths: Sequence[str] = ("/",)
    read_back: bool = True
    held_percent: float = 0.0
    held_ms: int = 0

    @property
    def threads(self) -> int:
        """Return how many requests may be under way at once if none is answered before its timeout."""
        return min(math.ceil(self.rate * self.address.timeout) + 4, MOST_THREADS)


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """A request to be sent; a write has a sequence number."""

    path: str
    sequence: int | None = None
    held_ms: int = 0


def planned_requests(load: Load) -> Iterator[PlannedRequest]:
    """Yield requests without end, reads and writes mixed as evenly as their shares allow."""
    reads = itertools.cycle([*load.paths, *([read_path(load.name)] if load.read_back else [])])
    sequence = 0
    for number in itertools.count(1):
        if _falls_due(number, load.write_percent):
            sequence += 1
            held = load.write_percent > 0 and _falls_due(sequence, 100 * load.held_percent / load.write_percent)
            yield PlannedRequest(PATH, sequence, load.held_ms if held else 0)
        else:
            yield PlannedRequest(next(reads))


def _falls_due(number: int, percent: float) -> bool:
    """Return whether the number-th of a series is one of so many in a hundred."""
    return math.floor(number * percent / 100) > math.floor((number - 1) * percent / 100)


class Probe:
    """Sends a load until it is stopped; `record` is called with every request, from several threads."""

    def __init__(self, load: Load, known: Sequence[str], record: Callable[[Request], None]) -> None:
        self._load, self._known, self._record = load, known, record
        self._token = known[0]
        self._own = threading.local()
        self._clients: list[Client] = []
        self._broken: BaseException | None = None

    def run(self, over: Callable[[float], bool]) -> None:
        """Send requests until `over`, which sleeps so many seconds, returns True; then wait for those under way."""
        with ThreadPoolExecutor(self._load.threads) as threads:
            due = time.monotonic()
            for planned in planned_requests(self._load):
                if over(max(0.0, due - time.monotonic())) or self._broken:
                    break
                threads.submit(self._send, planned).add_done_callback(self._sent)
                due = max(due + 1 / self._load.rate, time.monotonic() - BEHIND_SECONDS)
        for client in self._clients:
            client.close()
        if self._broken:
            raise self._broken

    def _sent(self, done: Future[None]) -> None:
        """End the probe on an error that is not the application's, such as a full disk: its figures would be wrong."""
        self._broken = self._broken or done.exception()

    def _client(self) -> Client:
        """Return this thread's client, which keeps its connection."""
        if not hasattr(self._own, "client"):
            self._own.client = Client(self._load.address)
            self._clients.append(self._own.client)
        client: Client = self._own.client
        return client

    def _send(self, planned: PlannedRequest) -> None:
        """Send a request, and record its result."""
        client = self._client()
        before, at, begun = client.reconnected, time.time(), time.monotonic()
        answer, error = None, None
        try:
            answer = self._ask(client, planned)
            error = self._mismatch(planned, answer)
        except NoAnswerError as why:
            error = redact(str(why))
        self._record(
            Request(
                t=at,
                ms=(time.monotonic() - begun) * 1000,
                release=redact(answer.release) if answer and answer.release else None,  # an application may echo
                kind="read" if planned.sequence is None else "write",
                status=answer.status if answer else None,
                error=error,
                sequence=planned.sequence,
                reconnected=client.reconnected > before,
            )
        )

    def _ask(self, client: Client, planned: PlannedRequest) -> Answer:
        """Return the answer; a heartbeat whose token is refused is sent with the other token."""
        if not planned.path.startswith(PATH):
            return client.ask("GET", planned.path)
        token = self._token
        answer = self._beat(client, planned, token)
        if answer.status == UNAUTHORIZED and len(self._known) > 1:
            # a refused heartbeat has done nothing: with the other token it is a new request, not a second attempt
            self._token = next(one for one in self._known if one != token)
            answer = self._beat(client, planned, self._token)
        return answer

    def _beat(self, client: Client, planned: PlannedRequest, token: str) -> Answer:
        if planned.sequence is None:
            return client.ask("GET", planned.path, headers=authorization(token))
        beat = {"probe": self._load.name, "sequence": planned.sequence}
        return client.ask(
            "POST", planned.path, beat | ({"hold_ms": planned.held_ms} if planned.held_ms else {}), authorization(token)
        )

    def _mismatch(self, planned: PlannedRequest, answer: Answer) -> str | None:
        """Return how an answer differs from the expected one; None if it does not."""
        if planned.path.startswith(PATH) and answer.status == UNAUTHORIZED and len(self._known) > 1:
            return None
        expected = (200,) if planned.sequence is None else ACKNOWLEDGED
        if answer.status in expected:
            return None
        return f"answered {answer.status} instead of {expected[0]}"


class ProbeError(Exception):
    """The probe could not go on; the message holds no secret's value."""


def main(companion: Companion) -> None:
    """Run the probe; errors are raised and logged without secrets."""
    try:
        probe(companion)
    except SecretError as error:
        raise ProbeError(str(error)) from None
    except Exception as error:
        companion.log(redact(traceback.format_exc()))
        raise ProbeError(redact(f"{type(error).__name__}: {error}")) from None


def probe(companion: Companion) -> None:
    """Send the load that the companion's configuration describes, until it is to end."""
    config = companion.config
    known = tokens(boto3.client("secretsmanager"), config["token_secret"])
    load = Load(
        address=Address(config["url"], config["connect_to"], config["ca"], config["timeout_seconds"]),
        name=config["name"],
        rate=config["rate"],
        write_percent=config["write_percent"],
        paths=config["paths"],
    )
    log = Log(Path(config["results"]))
    companion.ready()
    Probe(load, known, log).run(companion.wait)
    companion.log(f"ended, {'its play' if companion.owner_gone else 'as asked'}")


if __name__ == "__main__":
    serve(main)
