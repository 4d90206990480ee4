"""`make test` counts truthfully: what failed, what broke around the tests, and what ran no test at all."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests import run
from tests.reports import pytest_runtest_logreport
from tests.run import CHECKOUT, LANES, STEPS, Lane, Outcome, Step
from tests.support import stuck
from tests.support.waiting import HANGS_SECONDS, until

REPORT = '<testsuites><testsuite tests="5" failures="1" errors="1" skipped="1"/></testsuites>'


@pytest.fixture(autouse=True)
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(run, "REPORTS", tmp_path)
    return tmp_path


def shell(script: str, stage: str = "stage", counts: bool = False, shown: str = "") -> Step:
    return Step(stage, ("sh", "-c", script), counts=counts, shown=shown)


def lane(*steps: Step) -> Lane:
    return Lane(".sandbox-nowhere", "127.40", steps)


def outcome(step: Step) -> Outcome:
    return asyncio.run(run.run(step, lane(step)))


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (shell("true"), (1, 0, 0)),
        (shell("false"), (0, 1, 0)),
        (shell(f"echo '{REPORT}' > $REPORTS/stage-1.xml; false", counts=True), (2, 2, 1)),
        (shell(f"for n in 1 2; do echo '{REPORT}' > $REPORTS/stage-$n.xml; done", counts=True), (4, 4, 2)),
        (shell("echo '<testsuite tests=\"3\"/>' > $REPORTS/stage-1.xml; false", counts=True), (3, 1, 0)),
        (shell("true", counts=True), (0, 1, 0)),
    ],
    ids=["passes", "fails", "reports", "reports twice", "breaks after its tests", "runs no test"],
)
def test_what_a_step_found(
    step: Step, expected: tuple[int, int, int], reports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPORTS", str(reports))
    found = outcome(step)
    assert (found.passed, found.failed, found.skipped) == expected


def test_a_stage_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["unti"]) == 2
    assert "lint, contract, unit" in capsys.readouterr().err


def test_the_caller_s_aws_settings_reach_no_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("SANDBOX_DIR", "a rehearsal's")
    environment = run.environment(shell("true"), lane())
    assert "AWS_PROFILE" not in environment
    assert environment["SANDBOX_DIR"] == lane().sandbox["SANDBOX_DIR"]


def test_a_long_output_is_kept_and_what_failed_of_it_is_shown(
    reports: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = "echo begun; echo '==> look'; echo what failed; echo Cleaning up.; echo cleaned; false"
    outcome(shell(script, shown="==> look"))
    shown = capsys.readouterr().out
    assert "\nwhat failed\n" in shown and "\ncleaned\n" not in shown
    assert (reports / "stage.log").read_text().endswith("cleaned\n")


def test_lanes_run_beside_each_other_and_their_output_stays_in_one_piece(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each waits for the other in the middle of what it says: one after the other, neither would end."""
    meet = "echo {0} begins; touch {2}/{0}; until [ -e {2}/{1} ]; do sleep 0.01; done; echo {0} ends"
    lanes = [lane(shell(meet.format(*names, tmp_path), stage=names[0])) for names in (("one", "two"), ("two", "one"))]
    found = asyncio.run(asyncio.wait_for(run.beside(lanes), HANGS_SECONDS))
    assert [(one.name, one.passed) for one in found] == [("one", 1), ("two", 1)]
    shown = capsys.readouterr().out
    for name in ("one", "two"):
        assert f"\n==> {name}\n{name} begins\n{name} ends\n" in shown


async def interrupt(step: Step) -> None:
    """Run a step, and cancel it as soon as it has said something."""
    task = asyncio.create_task(run.run(step, lane(step)))
    await asyncio.to_thread(until, lambda: step.log.exists() and step.log.read_text())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_interrupted_it_ends_what_it_started() -> None:
    step = shell("echo $$; sleep infinity")
    asyncio.run(interrupt(step))
    until(lambda: not psutil.pid_exists(int(step.log.read_text())))  # its parent by now, init, may be slow to notice


def test_what_a_step_leaves_behind_holds_nothing_up_is_named_and_ended(
    reports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has its output, a session of its own and init as parent: the step has passed all the same."""
    monkeypatch.setattr(stuck, "PATIENCE_SECONDS", 2.0)
    found = outcome(shell("setsid sleep infinity & echo $!; exit 0"))
    assert (found.passed, found.failed) == (1, 0)
    log = (reports / "stage.log").read_text()
    assert re.search(r"this that it started goes on:\n.* sleep infinity", log), log
    until(lambda: not psutil.pid_exists(int(log.split()[0])))  # its parent by now, init, may be slow to notice


def test_interrupted_it_ends_what_has_a_session_of_its_own_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stuck, "PATIENCE_SECONDS", 2.0)
    step = shell("setsid sleep infinity & echo $!; sleep infinity")
    asyncio.run(interrupt(step))
    started = int(step.log.read_text().split()[0])
    until(lambda: not psutil.pid_exists(started))  # its parent by now, init, may be slow to notice


def test_a_report_that_was_cut_off_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "cut.xml").write_text("<testsuites><testsuite tests=")
    assert run.count([tmp_path / "cut.xml"]) == (0, 1, 0)


INTERRUPTED = """
import sys
from pathlib import Path
from tests import run
run.REPORTS = Path(sys.argv[1])
waits = ("sh", "-c", "sleep infinity & echo $$; wait")
run.LANES = tuple(
    run.Lane(f".sandbox-nowhere-{n}", f"127.4{n}", (run.Step("lint", waits, part=str(n)),)) for n in (4, 5)
)
sys.exit(run.main(["lint"]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["by Ctrl-C", "by its job's end"])
def test_a_run_that_is_interrupted_ends_all_lanes_and_says_so_in_a_line(tmp_path: Path, number: int) -> None:
    logs = [tmp_path / f"lint-{n}.log" for n in (4, 5)]
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(tmp_path)], cwd=run.CHECKOUT, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            until(lambda: all(log.exists() and log.read_text() for log in logs))
            process.send_signal(number)
            _, said = process.communicate(timeout=HANGS_SECONDS)
        finally:
            process.kill()
    assert process.returncode == 130
    assert re.fullmatch(r"\nInterrupted after \d+ s. The sandboxes of the tests are down.\n", said), said
    until(lambda: not any(psutil.pid_exists(int(log.read_text())) for log in logs))


def test_what_does_not_end_is_ended_and_says_where_it_stood(
    reports: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its child, in a session of its own, holds the pipe: ending the one, or its group, would not be enough."""
    begun = reports / "begun"
    (reports / "stands.py").write_text(
        "import pathlib, threading\ndef waits_for_ever():\n"
        f"    pathlib.Path({str(begun)!r}).touch()\n    threading.Event().wait()\nwaits_for_ever()\n"
    )
    script = (
        f"setsid {sys.executable} {reports}/stands.py & until [ -e {begun} ]; do echo not yet; sleep 0.1; done; wait"
    )
    found = outcome(replace(shell(script, shown="begun"), silent=5.0))
    assert (found.passed, found.failed) == (0, 1)
    log = (reports / "stage.log").read_text()
    assert "Nothing went on for 5 s" in log and "in waits_for_ever" in log, log
    assert "in waits_for_ever" in capsys.readouterr().out


def test_half_a_line_is_a_sign_of_life_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits until its sign has made the file new that it made old."""
    monkeypatch.setattr(run, "LOOK_SECONDS", 10 * HANGS_SECONDS)
    script = "touch -d @0 $TESTS_ALIVE; printf .; until [ $(stat -c %Y $TESTS_ALIVE) -gt 0 ]; do sleep 0.05; done"
    step = shell(script)
    assert asyncio.run(asyncio.wait_for(run.run(step, lane(step)), HANGS_SECONDS)).passed == 1


def test_a_test_that_ends_is_a_sign_of_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(stuck.ALIVE, str(tmp_path / "alive"))
    pytest_runtest_logreport()
    assert (tmp_path / "alive").exists()


def test_silence_is_counted_from_the_last_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    now, step = [100.0], shell("")
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    step.alive.touch()
    silence = run.listen(step)
    assert silence() == 0
    now[0] += 60
    assert silence() == 60
    os.utime(step.alive, (0, 0))  # whatever the clock of the machine says
    assert silence() == 0


def test_what_gives_signs_of_life_may_take_as_long_as_it_likes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "LOOK_SECONDS", 0.01)
    step = shell("")
    seconds = [step.silent - 1] * 20 + [step.silent + 1]
    monkeypatch.setattr(run, "listen", lambda _: lambda: seconds.pop(0))
    with subprocess.Popen(["sleep", "infinity"]) as process:
        try:
            assert asyncio.run(run.hangs(process.pid, step))
        finally:
            process.kill()
    assert seconds == []


def test_it_says_what_is_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They last until it has said so."""
    monkeypatch.setattr(run, "NEWS_SECONDS", 0.05)
    said, script = "", f"until [ -e {tmp_path}/said ]; do sleep 0.05; done"

    def told() -> bool:
        nonlocal said
        said += capsys.readouterr().out
        return bool(re.search(r"at work: one \(\d+ s\), two \(\d+ s\)", said))

    async def story() -> None:
        lanes = asyncio.create_task(run.beside([lane(shell(script, stage=name)) for name in ("one", "two")]))
        await asyncio.to_thread(until, told, lambda: said)
        (tmp_path / "said").touch()
        await lanes

    asyncio.run(story())


def test_lanes_meet_nowhere_and_leave_no_scenario_out() -> None:
    assert len({one.net for one in LANES}) == len({one.folder for one in LANES}) == len(LANES)
    assert len({step.stem for step in STEPS}) == len(STEPS)
    scenarios = {path.parent.name for path in (CHECKOUT / "molecule").glob("*/molecule.yml")}
    assert sorted(step.part for step in STEPS if step.stage == "molecule") == sorted(scenarios)
