"""The application's heartbeat endpoint (docs/app-contract.md): what a probe writes there and finds again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ops.aws.secrets import BEARER, SecretError, fetch
from ops.probe.client import Answer, Client, NoAnswerError

PATH = "/api/heartbeat"
ACKNOWLEDGED = (201, 200)  # new; there already
UNAUTHORIZED = 401
NAME_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Beats:
    """What the application has of a probe's writes. Gaps are (first, last); beyond a thousand they are not listed."""

    count: int = 0
    first: int = 0
    last: int = 0
    missing: int = 0
    gaps: Sequence[tuple[int, int]] = ()

    def holds(self, sequence: int) -> bool:
        within = self.count > 0 and self.first <= sequence <= self.last
        return within and not any(first <= sequence <= last for first, last in self.gaps)

    @property
    def doubled(self) -> int:
        """Rows beyond one a sequence."""
        distinct = self.last - self.first + 1 - sum(last - first + 1 for first, last in self.gaps)
        return max(0, self.count - distinct) if self.count else 0


def read_path(name: str) -> str:
    return f"{PATH}?probe={quote(name, safe='')}"


def authorization(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def tokens(secrets: Any, name: str) -> tuple[str, ...]:
    """The token, and the one before: while a release brings a new one, tasks with either are answering."""
    found = [fetch(secrets, name, BEARER)]
    with contextlib.suppress(SecretError):  # it never had another; or one that can't be sent, which this one replaced
        found.append(fetch(secrets, name, BEARER, "AWSPREVIOUS"))
    return tuple(dict.fromkeys(found))


def beats_of(answer: Answer) -> Beats:
    """What an answer to GET says; NoAnswerError when it says something else."""
    said = answer.json()
    if answer.status != 200 or not isinstance(said, dict):
        raise NoAnswerError(f"{PATH} answered {answer.status} instead of what it holds")
    try:
        return Beats(
            count=int(said["count"]),
            first=int(said["first"] or 0),
            last=int(said["last"] or 0),
            missing=int(said["missing"]),
            gaps=tuple((int(first), int(last)) for first, last in said["gaps"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise NoAnswerError(f"{PATH} answered something else than the contract says: {error!r}") from error


def read_back(client: Client, name: str, known: Iterable[str]) -> Beats:
    """What the application holds of a probe's writes, asked with the first token that it accepts."""
    why: NoAnswerError | None = None
    for token in known:
        try:
            return beats_of(client.ask("GET", read_path(name), headers=authorization(token)))
        except NoAnswerError as error:
            why = error
    raise why or NoAnswerError("there is no token to ask with")
