"""`make test` counts truthfully: what failed, what broke around the tests, and what ran no test at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import run
from tests.run import Step

REPORT = '<testsuites><testsuite tests="5" failures="1" errors="1" skipped="1"/></testsuites>'


@pytest.fixture(autouse=True)
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(run, "REPORTS", tmp_path)
    return tmp_path


def shell(script: str, counts: bool = False) -> Step:
    return Step("stage", ("sh", "-c", script), counts)


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
    outcome = run.run(step)
    assert (outcome.passed, outcome.failed, outcome.skipped) == expected


def test_a_stage_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["unti"]) == 2
    assert "lint, unit, contract, molecule" in capsys.readouterr().err


def test_the_caller_s_aws_settings_reach_no_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("SANDBOX_DIR", "a rehearsal's")
    environment = run.environment(shell("true"))
    assert "AWS_PROFILE" not in environment
    assert environment["SANDBOX_DIR"] == run.SANDBOX["SANDBOX_DIR"]


def test_a_long_output_is_kept_and_what_failed_of_it_is_shown(
    reports: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = "echo begun; echo '==> look'; echo what failed; echo Cleaning up.; echo cleaned; false"
    run.run(Step("stage", ("sh", "-c", script), shown="==> look"))
    shown = capsys.readouterr().out
    assert "\nwhat failed\n" in shown and "\ncleaned\n" not in shown
    assert (reports / "stage.log").read_text().endswith("cleaned\n")
