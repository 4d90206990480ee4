"""Fixtures of the services' tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.sandbox.api_only import LocalApi, serving


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalApi]:
    """The API alone, with an empty account."""
    with serving(tmp_path_factory.mktemp("api") / "sandbox") as local:
        yield local
