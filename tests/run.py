"""`make test`: every stage one after the other, a table of what each found, and one closing line.

    python -m tests.run [lint] [unit] [contract] [molecule] [bench]

A stage that fails keeps no other from running. The sandbox of these tests has a folder and addresses of its own, so
that a rehearsal which is running is left alone, and it is taken down whatever happens.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
REPORTS = CHECKOUT / "reports" / "tests"
LINES_OF_FAILURE = 80
SANDBOX = {"SANDBOX_DIR": str(CHECKOUT / ".sandbox-test"), "SANDBOX_NET": "127.37"}


@dataclass(frozen=True, slots=True)
class Step:
    """A command.

    counts: the tests that it ran are counted by the reports that pytest leaves; shown: of its output, the lines that
    hold this word, and on failure what came before its end or before the cleaning up. All of it is in the log.
    named: it takes long, and runs only when its stage is named.
    """

    stage: str
    command: tuple[str, ...]
    counts: bool = False
    shown: str = ""
    named: bool = False

    @property
    def name(self) -> str:
        return self.stage if self.counts else " ".join((self.stage, *self.command))

    @property
    def log(self) -> Path:
        return REPORTS / f"{self.stage}.log"

    @property
    def reports(self) -> list[Path]:
        """What tests/reports.py has left: one for each time that pytest ran."""
        return sorted(REPORTS.glob(f"{self.stage}-*.xml"))


STEPS = (
    Step("lint", ("ruff", "check")),
    Step("lint", ("ruff", "format", "--check")),
    Step("lint", ("mypy",)),
    Step("lint", ("yamllint", "--strict", ".")),
    Step("lint", ("ansible-lint", "-q", "--nocolor")),
    Step("unit", ("pytest", "tests/unit"), counts=True),
    Step("contract", ("pytest", "tests/contract"), counts=True),
    Step("molecule", ("molecule", "test", "--all", "--no-command-borders"), counts=True, shown=" ➜ "),
    Step("bench", ("pytest", "tests/bench"), counts=True, named=True),
)
STAGES = tuple(dict.fromkeys(step.stage for step in STEPS))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step found; a step without tests of its own is one."""

    name: str
    passed: int
    failed: int
    skipped: int
    seconds: float

    @property
    def row(self) -> str:
        mark = "FAILED" if self.failed else "ok"
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{mark:<7}{self.name:<28}{self.seconds:7.1f} s  {self.passed} passed, {self.failed} failed{skipped}"


def environment(step: Step) -> dict[str, str]:
    """The caller's, without what would lead an AWS client elsewhere, and with the tests' own sandbox."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "ANSIBLE_", "SANDBOX_", "MOLECULE_"))}
    return (
        inherited
        | SANDBOX
        | {
            "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "ANSIBLE_HOME": str(CHECKOUT / ".ansible"),
            "MOLECULE_EPHEMERAL_DIRECTORY": str(REPORTS / "molecule"),
            "PYTHONPATH": str(CHECKOUT),
            "PYTEST_ADDOPTS": f"-p tests.reports --junitxml={REPORTS / step.stage}.xml" if step.counts else "",
        }
    )


def run(step: Step) -> Outcome:
    """Run a step and say what it found."""
    print(f"\n==> {step.name}", flush=True)
    begun = time.monotonic()
    code = execute(step)
    if step.shown:
        print(failure(step.log) if code else "", f"All of it: {step.log}", sep="")
    passed, failed, skipped = count(step.reports) if step.counts else (int(code == 0), 0, 0)
    if code and not failed:
        failed = 1  # it broke before, after or between its tests
    if step.counts and not passed and not failed:
        failed = 1  # no test at all is no success
    return Outcome(step.name, passed, failed, skipped, time.monotonic() - begun)


def execute(step: Step) -> int:
    """The command's exit code. Interrupted, it ends what it started."""
    with subprocess.Popen(
        step.command,
        cwd=CHECKOUT,
        env=environment(step),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if step.shown else None,
        stderr=subprocess.STDOUT if step.shown else None,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            if process.stdout:
                show(process.stdout, step.shown, step.log)
            return process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            raise


def show(output: Iterable[str], word: str, log: Path) -> None:
    """Print the lines that hold the word, and keep them all."""
    with log.open("w", buffering=1) as kept:
        for line in output:
            kept.write(line)
            if word in line:
                print(line, end="", flush=True)


def failure(log: Path) -> str:
    """The end of a log, or what came before the cleaning up that followed a failure."""
    lines = log.read_text().splitlines(keepends=True)
    end = next((number for number, line in enumerate(lines) if line.rstrip().endswith("Cleaning up.")), len(lines))
    return "".join(lines[max(0, end - LINES_OF_FAILURE) : end])


def count(reports: Sequence[Path]) -> tuple[int, int, int]:
    """Tests that passed, failed and were skipped, by JUnit reports."""
    suites = [suite for report in reports for suite in ET.parse(report).getroot().iter("testsuite")]
    tests, skipped, failures, errors = (
        sum(int(suite.get(key, 0)) for suite in suites) for key in ("tests", "skipped", "failures", "errors")
    )
    return tests - failures - errors - skipped, failures + errors, skipped


@contextmanager
def nothing_left() -> Iterator[None]:
    """Leave no sandbox of the tests behind, however they end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    down = [sys.executable, "-m", "sandbox", "down"]
    subprocess.run(down, cwd=CHECKOUT, env=os.environ | SANDBOX, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        subprocess.run(down, cwd=CHECKOUT, env=os.environ | SANDBOX, stdout=subprocess.DEVNULL)


def main(arguments: Sequence[str]) -> int:
    """Run the stages that were named, or all usual ones; the exit code is 0 only when every test passed."""
    if strangers := set(arguments) - set(STAGES):
        print(f"There is no stage {', '.join(sorted(strangers))}. There are: {', '.join(STAGES)}", file=sys.stderr)
        return 2
    usual = {step.stage for step in STEPS if not step.named}
    shutil.rmtree(REPORTS, ignore_errors=True)
    REPORTS.mkdir(parents=True)
    with nothing_left():
        outcomes = [run(step) for step in STEPS if step.stage in (arguments or usual)]
    print("\n" + "\n".join(outcome.row for outcome in outcomes))
    passed, failed = (sum(getattr(outcome, key) for outcome in outcomes) for key in ("passed", "failed"))
    print(f"\n{passed} passed, {failed} failed in {sum(outcome.seconds for outcome in outcomes):.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
