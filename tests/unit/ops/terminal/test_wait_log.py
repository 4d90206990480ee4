"""A log of waits: a line when something is new, one a minute while nothing is, and none in between."""

from __future__ import annotations

from ops.terminal.wait_log import WaitLog


def test_a_line_when_the_stage_is_new_and_once_a_minute() -> None:
    log = WaitLog()
    looks = [("SCALE_UP", 0), ("SCALE_UP", 15), ("BAKE", 30), ("BAKE", 75), ("BAKE", 90), ("BAKE", 105), ("BAKE", 150)]
    assert [second for stage, second in looks if log.is_due("a", stage, second)] == [0, 30, 90, 150]


def test_hosts_wait_each_for_itself_and_what_comes_next_is_new() -> None:
    log = WaitLog()
    assert log.is_due("a", "it", 0) and log.is_due("b", "it", 0)
    log.end("a")
    assert log.is_due("a", "it", 1) and not log.is_due("b", "it", 1)
    log.end()
    assert log.is_due("b", "it", 2)
