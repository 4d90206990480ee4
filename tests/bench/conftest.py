"""A sandbox of its own, for what takes longer than `make test` may."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from sandbox.config import CHECKOUT, Settings
from tests.support import variants
from tests.support.releases import Push
from tests.support.stack import BIN, Sandbox


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    command = str(BIN / "sandbox")
    subprocess.run([command, "up"], cwd=CHECKOUT, check=True)
    yield Sandbox(Settings.from_environment())
    subprocess.run([command, "down"], cwd=CHECKOUT, check=True)


@pytest.fixture(scope="module")
def push(tmp_path_factory: pytest.TempPathFactory) -> Push:
    def push(tag: str, variant: variants.Variant) -> None:
        variants.push(variant, tag, tmp_path_factory.mktemp("image"))

    return push
