"""Keeps evidence at two places, and goes on when one of them is not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ansible.module_utils.evidence_store import said, write
from botocore.exceptions import BotoCoreError


@dataclass
class Keeper:
    """Keeps what it can, and says what it could not."""

    folder: Path
    run: str
    put: Callable[[str, str], None]  # key, content
    bucket: str
    files: dict[str, str] = field(default_factory=dict)
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

    def keep_file(self, kind: str, content: str) -> None:
        path = self.folder / f"{self.run}.{kind}"
        with self.trying(f"write {path}"):
            write(path, content)
            self.files[kind] = str(path)
        self.keep_object(f"deploy/{self.run}.{kind}", content, self.files.get(kind))

    def keep_object(self, key: str, content: str, file: str | None = None) -> None:
        address = f"s3://{self.bucket}/{key}"
        if self.reachable:
            with self.trying(f"put {address}"):
                self.put(key, content)
                self.objects.append(address)
                return
        if file:
            self.cures.append(f"aws s3 cp {file} {address}")
