"""Keeps evidence at two places, and goes on when one of them is not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from botocore.exceptions import BotoCoreError

from ops.report.store import said, write


@dataclass
class Keeper:
    """Keeps what it can, and says what it could not."""

    folder: Path
    run: str
    put: Callable[[str, str], None]  # key, content
    bucket: str
    objects: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    cures: list[str] = field(default_factory=list)
    reachable: bool = True

    @contextmanager
    def trying(self, what: str) -> Iterator[None]:
        # whatever it is, an error in here must not hide how the release ended, nor keep its lock from being freed
        try:
            yield
        except BotoCoreError as error:
            self.reachable = False  # the next object would wait as long
            self.problems.append(f"Could not {what}: {said(error)}")
        except Exception as error:
            self.problems.append(f"Could not {what}: {said(error)}")

    def keep(self, path: Path, key: str, content: str) -> bool:
        """Whether the file was written; what the bucket lacks has its cure then."""
        written = False
        with self.trying(f"write {path}"):
            write(path, content)
            written = True
        address = f"s3://{self.bucket}/{key}"
        if self.reachable:
            with self.trying(f"put {address}"):
                self.put(key, content)
                self.objects.append(address)
                return written
        if written:
            self.cures.append(f"aws s3 cp {path} {address}")
        return written
