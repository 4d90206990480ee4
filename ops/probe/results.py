"""Results of the availability probe: a line of JSON a request (requests.jsonl), and their summary."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ops.probe.heartbeat import ACKNOWLEDGED, UNAUTHORIZED, Beats

UNKNOWN_RELEASE = "unknown"  # no answer, or one without X-Release


@dataclass(frozen=True, slots=True)
class Request:
    """The result of one request. t: when it was sent, in epoch seconds. error: why it failed; None if it did not."""

    t: float
    ms: float
    release: str | None
    kind: str  # read or write
    status: int | None
    error: str | None
    sequence: int | None = None  # of a write
    reconnected: bool = False

    @property
    def failed(self) -> bool:
        return self.error is not None

    @property
    def refused(self) -> bool:
        """Return whether its token was refused, by a task that accepts only the other one."""
        return self.status == UNAUTHORIZED and not self.failed

    @property
    def acknowledged(self) -> bool:
        return self.kind == "write" and self.status in ACKNOWLEDGED and not self.failed

    def line(self) -> str:
        """Return the request as a line of the results file."""
        said = asdict(self) | {"t": round(self.t, 4), "ms": round(self.ms, 1)}
        if self.sequence is None:
            del said["sequence"]
        if not self.reconnected:
            del said["reconnected"]
        return json.dumps(said) + "\n"


class Log:
    """A file of requests that only its owner can read. Each line is one write, so a kill leaves at most half a line."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.fchmod(self._file, 0o600)

    def __call__(self, request: Request) -> None:
        os.write(self._file, request.line().encode())

    def close(self) -> None:
        os.close(self._file)


def requests_in(path: Path) -> list[Request]:
    """Return the requests in a file, in the order in which they were sent; none when there is no file."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return []
    return sorted(_parsed(text), key=lambda request: request.t)


def _parsed(text: str) -> Iterator[Request]:
    for line in text.splitlines():
        try:
            yield Request(**json.loads(line))
        except (ValueError, TypeError):  # the half line of a probe that was killed
            continue


@dataclass(frozen=True, slots=True)
class ReleaseFigures:
    """The figures of one release's answers."""

    requests: int
    failed: int
    p95_ms: float | None


@dataclass(frozen=True, slots=True)
class Writes:
    """The figures of the writes. found, lost and doubled are None when the application could not be asked.

    lost: acknowledged and not stored. doubled: executed twice though sent once: stored in two rows, or acknowledged as
    one that was stored already.
    """

    sent: int = 0
    acknowledged: int = 0
    found: int | None = 0
    lost: int | None = 0
    doubled: int | None = 0


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of all requests, and the message that sums them up."""

    requests: int = 0
    failed: int = 0
    refused: int = 0
    reconnected: int = 0
    seconds: float = 0.0
    p95_ms: float | None = None
    by_release: dict[str, ReleaseFigures] = field(default_factory=dict)
    first_failure: str | None = None
    writes: Writes = field(default_factory=Writes)
    message: str = "Nothing was seen from outside: the probe did not run."
    not_measured: str = ""  # why the figures do not cover the whole run; empty if they do

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def summarise(requests: Sequence[Request], beats: Beats | None, unread: str = "") -> Summary:
    """Return the summary of all requests.

    beats: the writes that the application has stored; None when it could not be asked, and `unread` says why.
    """
    if not requests:
        return Summary()
    failures = [request for request in requests if request.failed]
    writes = _writes(requests, beats)
    seconds = round(requests[-1].t + requests[-1].ms / 1000 - requests[0].t, 1)
    releases = sorted({request.release or UNKNOWN_RELEASE for request in requests})
    refused = sum(request.refused for request in requests)
    return Summary(
        requests=len(requests),
        failed=len(failures),
        refused=refused,
        reconnected=sum(request.reconnected for request in requests),
        seconds=seconds,
        p95_ms=p95(requests),
        by_release={release: _figures(_of_release(requests, release)) for release in releases},
        first_failure=_described(failures[0]) if failures else None,
        writes=writes,
        message=_message(len(requests), seconds, failures, refused, writes, unread),
    )


def p95(requests: Iterable[Request]) -> float | None:
    """Return the 95th percentile of the answers' milliseconds (nearest rank); None without an answer."""
    times = sorted(request.ms for request in requests if request.status is not None)
    return round(times[math.ceil(0.95 * len(times)) - 1], 1) if times else None


def _of_release(requests: Sequence[Request], release: str) -> list[Request]:
    return [one for one in requests if (one.release or UNKNOWN_RELEASE) == release]


def _figures(requests: Sequence[Request]) -> ReleaseFigures:
    return ReleaseFigures(len(requests), sum(request.failed for request in requests), p95(requests))


def _writes(requests: Sequence[Request], beats: Beats | None) -> Writes:
    sent = [request for request in requests if request.kind == "write"]
    kept = [request for request in sent if request.acknowledged]
    if beats is None:
        return Writes(len(sent), len(kept), None, None, None)
    there_already = sum(request.status == ACKNOWLEDGED[1] for request in kept)
    return Writes(
        sent=len(sent),
        acknowledged=len(kept),
        found=beats.count,
        lost=sum(not beats.holds(request.sequence or 0) for request in kept),
        # a row in two and an answer 200 may tell of the same write
        doubled=max(there_already, beats.doubled),
    )


def _described(failure: Request) -> str:
    at = datetime.fromtimestamp(failure.t, UTC)
    return f"a {failure.kind} at {at:%H:%M:%S} UTC: {failure.error}"


def _message(count: int, seconds: float, failures: Sequence[Request], refused: int, writes: Writes, unread: str) -> str:
    how = f"{len(failures):,} failed, first {_described(failures[0])}" if failures else "none failed"
    parts = [f"{count:,} requests from outside in {seconds:g} s, {how}"]
    if refused:
        parts.append(f"{refused:,} heartbeats were refused while two tokens are in use")
    if writes.lost is None:
        parts.append(f"the {writes.acknowledged:,} acknowledged writes could not be looked for: {unread}")
    elif writes.lost or writes.doubled:
        parts.append(
            f"of {writes.acknowledged:,} acknowledged writes {writes.lost:,} are lost, {writes.doubled:,} doubled"
        )
    elif writes.acknowledged:
        parts.append(f"all {writes.acknowledged:,} acknowledged writes were found again")
    return "; ".join(parts) + "."
