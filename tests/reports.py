"""A pytest plugin: every run of a stage leaves a JUnit report of its own, as molecule verifies more than once.

And each test tells that the stage goes on.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tests.support import stuck


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Turn `--junitxml=molecule.xml` into molecule-1.xml, molecule-2.xml and so on."""
    if desired := config.option.xmlpath:
        path = Path(desired)
        names = (path.with_stem(f"{path.stem}-{number}") for number in itertools.count(1))
        config.option.xmlpath = str(next(name for name in names if not name.exists()))


def pytest_runtest_logreport() -> None:
    """Tell that a test goes on, to whom its output does not reach before the end."""
    stuck.alive()
