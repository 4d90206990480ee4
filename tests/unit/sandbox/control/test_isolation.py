"""The failure of one resource stops no controller."""

from __future__ import annotations

import logging

import pytest

from sandbox.control.isolation import Isolation


def test_it_is_said_once_and_again_after_it_was_well(caplog: pytest.LogCaptureFixture) -> None:
    isolation = Isolation()

    def look(resource: str, fails: bool) -> None:
        with isolation.isolate(resource):
            if fails:
                raise KeyError(resource)

    with caplog.at_level(logging.ERROR, "sandbox"):
        for fails in (True, True, False, True):
            look("a", fails)
        look("b", True)
    assert [record.args for record in caplog.records] == [("a",), ("a",), ("b",)]
