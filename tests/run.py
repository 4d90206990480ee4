"""`make test`: every stage, in lanes beside each other, a table of what each found, and one closing line.

    python -m tests.run [lint] [unit] [contract] [molecule] [bench]

A step that fails keeps no other from running. Each lane has a sandbox with a folder and addresses of its own, so that
a rehearsal and the other lane are left alone, and it is taken down whatever happens.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from tests.support import stuck
from tests.support.waiting import HANGS_SECONDS

CHECKOUT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
REPORTS = CHECKOUT / "reports" / "tests"
LINES_OF_FAILURE = 80
# The last has hundreds of processes compile all that they import, each anew.
STRANGE = ("AWS_", "ANSIBLE_", "SANDBOX_", "MOLECULE_", "PYTHONDONTWRITEBYTECODE")
# However long a step takes, it goes on: a test of it ends, a play of it says something, a linter has its whole say.
SILENT_SECONDS = 1800.0
LOOK_SECONDS = 1.0
NEWS_SECONDS = 60.0
MARK = "TESTS_STEP"  # carried by all that a step starts, sandboxes included
AT_WORK: dict[str, float] = {}  # the names of the steps under way, and when each began


@dataclass(frozen=True, slots=True)
class Step:
    """A command.

    part: of its stage; counts: the tests that it ran are counted by the reports that pytest leaves; shown: of its
    output, the lines that hold this word, and on failure what came before its end or before the cleaning up. All of
    it is in the log. named: it takes long, and runs only when its stage is named. silent: seconds without any sign of
    life after which it hangs; what it takes in all is nobody's limit.
    """

    stage: str
    command: tuple[str, ...]
    part: str = ""
    counts: bool = False
    shown: str = ""
    named: bool = False
    silent: float = SILENT_SECONDS

    @property
    def name(self) -> str:
        return f"{self.stage} {self.part}".rstrip()

    @property
    def stem(self) -> str:
        """How the files that it leaves begin."""
        return self.name.replace(" ", "-")

    @property
    def log(self) -> Path:
        return REPORTS / f"{self.stem}.log"

    @property
    def alive(self) -> Path:
        """The file that is touched when something of it goes on without being written."""
        return REPORTS / f"{self.stem}.alive"

    @property
    def reports(self) -> list[Path]:
        """What tests/reports.py has left: one for each time that pytest ran."""
        return sorted(REPORTS.glob(f"{self.stem}-*.xml"))


@dataclass(frozen=True, slots=True)
class Lane:
    """Steps that run one after the other, and the sandbox that is theirs."""

    folder: str
    net: str
    steps: tuple[Step, ...]

    @property
    def sandbox(self) -> dict[str, str]:
        # Half as long as usual: nothing here waits to be looked at.
        return {"SANDBOX_DIR": str(CHECKOUT / self.folder), "SANDBOX_NET": self.net, "SANDBOX_MINUTE": "1"}

    def only(self, stages: set[str]) -> Lane:
        return replace(self, steps=tuple(step for step in self.steps if step.stage in stages))


def reading(*command: str) -> Step:
    return Step("lint", command, part=" ".join(word for word in command if word[0] not in "-."))


def scenario(name: str) -> Step:
    command = ("molecule", "test", "--scenario-name", name, "--no-command-borders")
    return Step("molecule", command, part=name, counts=True, shown=" ➜ ")


# They wait more than they work, so two cores bear five. 127.38 is that of e2e's unreliable AWS, 127.40 and 127.42 of
# bench's.
DATA_PLANE = ("tests/unit/runtime", "tests/unit/sandbox", "tests/unit/services")
LANES = (
    Lane(
        ".sandbox-test",
        "127.37",
        (
            reading("ruff", "check"),
            reading("ruff", "format", "--check"),
            reading("mypy"),
            reading("yamllint", "--strict", "."),
            reading("ansible-lint", "-q", "--nocolor"),
            Step("contract", ("pytest", "tests/contract"), counts=True),
            Step(
                "unit",
                ("pytest", "tests/unit", *(f"--ignore={folder}" for folder in DATA_PLANE)),
                "product",
                counts=True,
            ),
            Step("bench", ("pytest", "-vv", "tests/bench"), counts=True, named=True),
        ),
    ),
    Lane(
        ".sandbox-test-2",
        "127.39",
        (Step("unit", ("pytest", *DATA_PLANE), "sandbox", counts=True), scenario("default")),
    ),
    Lane(".sandbox-test-3", "127.41", (scenario("release"),)),
    Lane(".sandbox-test-4", "127.43", (scenario("interrupted"),)),
    Lane(".sandbox-test-5", "127.44", (scenario("e2e"),)),
)
STEPS = tuple(step for lane in LANES for step in lane.steps)
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


def environment(step: Step, lane: Lane) -> dict[str, str]:
    """The caller's, without what would lead an AWS client elsewhere or slow down, and with the lane's own sandbox."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(STRANGE)}
    return (
        inherited
        | lane.sandbox
        | {
            "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "ANSIBLE_HOME": str(CHECKOUT / ".ansible"),
            "MOLECULE_EPHEMERAL_DIRECTORY": str(REPORTS / step.stem),
            "PYTHONPATH": str(CHECKOUT),
            "PYTHONUNBUFFERED": "1",
            **stuck.TELLING,
            stuck.ALIVE: str(step.alive),
            "PYTEST_ADDOPTS": f"-p tests.reports --junitxml={REPORTS / step.stem}.xml" if step.counts else "",
        }
    )


async def run(step: Step, lane: Lane, alone: bool = True) -> Outcome:
    """Run a step and say what it found. Not alone, all that it wrote is printed at its end, in one piece."""
    live = bool(alone or step.shown)
    if live:
        print(f"\n==> {step.name}", flush=True)
    begun = AT_WORK[step.name] = time.monotonic()
    code = await execute(step, lane, live)
    del AT_WORK[step.name]
    if step.shown:
        print(failure(step.log) if code else "", f"All of it: {step.log}", sep="", flush=True)
    elif not live:
        print(f"\n==> {step.name}\n{step.log.read_text()}", end="", flush=True)
    passed, failed, skipped = count(step.reports) if step.counts else (int(code == 0), 0, 0)
    if code and not failed:
        failed = 1  # it broke before, after or between its tests
    if step.counts and not passed and not failed:
        failed = 1  # no test at all is no success
    return Outcome(step.name, passed, failed, skipped, time.monotonic() - begun)


async def execute(step: Step, lane: Lane, live: bool) -> int:
    """The command's exit code. However it ends, nothing that it started goes on."""
    mark = f"{MARK}={uuid.uuid4().hex}"
    process = await asyncio.create_subprocess_exec(
        *step.command,
        cwd=CHECKOUT,
        env=environment(step, lane) | dict([mark.split("=")]),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    late = False
    step.alive.touch()
    with step.log.open("w", buffering=1) as kept:

        def keep(text: str) -> None:
            kept.write(text)
            if live and step.shown in text:
                print(text, end="", flush=True)

        assert process.stdout
        reading = asyncio.create_task(read(process.stdout, keep, step.alive))
        try:
            late = await hangs(process.pid, step)
            if late:
                keep(f"\nNothing went on for {step.silent:.0f} s. There ran:\n{stuck.tree(process.pid)}\n")
                stuck.end(process.pid)
            elif not await done(reading):
                keep(f"\nIt has ended, and this that it started goes on:\n{stuck.lines(stuck.carrying(mark))}\n")
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            with suppress(TimeoutError):
                await asyncio.wait_for(exited(process.pid), stuck.PATIENCE_SECONDS)
            raise
        finally:
            stuck.end_all(stuck.carrying(mark))
            await done(reading)
            reading.cancel()
    with suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), stuck.PATIENCE_SECONDS)
    return os.EX_TEMPFAIL if late or process.returncode is None else process.returncode


async def read(stream: asyncio.StreamReader, keep: Callable[[str], None], alive: Path) -> None:
    """Keep each line as soon as it is whole; half a one is a sign of life too, as pytest's dots are."""
    rest = b""
    while part := await stream.read(65536):
        alive.touch()
        whole, end, rest = (rest + part).rpartition(b"\n")
        for line in whole.splitlines(keepends=True) if end else ():
            keep(line.decode(errors="replace").rstrip("\n") + "\n")
    if rest:
        keep(rest.decode(errors="replace"))


def listen(step: Step) -> Callable[[], float]:
    """Return what tells for how many seconds the step has given no sign of life; a laptop that slept doesn't count."""
    heard, since = 0, time.monotonic()

    def silence() -> float:
        nonlocal heard, since
        if (sign := step.alive.stat().st_mtime_ns) != heard:
            heard, since = sign, time.monotonic()
        return time.monotonic() - since

    return silence


async def hangs(pid: int, step: Step) -> bool:
    """Wait until the process has ended, or has given no sign of life for too long; whether it is that."""
    ended, silence = asyncio.create_task(exited(pid)), listen(step)
    try:
        while not (await asyncio.wait({ended}, timeout=LOOK_SECONDS))[0]:
            if silence() > step.silent:
                return True
        return False
    finally:
        ended.cancel()


async def done(reading: asyncio.Task[None]) -> bool:
    """Whether all was read: what the process started and lost may hold its output for ever."""
    finished, _ = await asyncio.wait({reading}, timeout=stuck.PATIENCE_SECONDS)
    return bool(finished)


async def exited(pid: int) -> None:
    """Wait for the process itself: asyncio's own wait is, on some Pythons, one for its output too."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    over, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_reader(handle, over.set)
    try:
        await over.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)


def failure(log: Path) -> str:
    """The end of a log, or what came before the cleaning up that followed a failure."""
    lines = log.read_text().splitlines(keepends=True)
    end = next((number for number, line in enumerate(lines) if line.rstrip().endswith("Cleaning up.")), len(lines))
    return "".join(lines[max(0, end - LINES_OF_FAILURE) : end])


def count(reports: Sequence[Path]) -> tuple[int, int, int]:
    """Tests that passed, failed and were skipped, by JUnit reports."""
    suites = [suite for report in reports for suite in parsed(report)]
    tests, skipped, failures, errors = (
        sum(int(suite.get(key, 0)) for suite in suites) for key in ("tests", "skipped", "failures", "errors")
    )
    return tests - failures - errors - skipped, failures + errors, skipped


def parsed(report: Path) -> list[ET.Element]:
    """The suites of a report; of one that was cut off, a failure."""
    try:
        return list(ET.parse(report).getroot().iter("testsuite"))
    except ET.ParseError:
        return [ET.Element("testsuite", {"tests": "1", "errors": "1"})]


async def follow(lane: Lane, alone: bool) -> list[Outcome]:
    """Run a lane's steps, one after the other."""
    return [await run(step, lane, alone) for step in lane.steps]


async def beside(lanes: Sequence[Lane]) -> list[Outcome]:
    """Run lanes beside each other; what they found, lane by lane."""
    alone = len(lanes) == 1
    told = None if alone else asyncio.create_task(news())
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(follow(lane, alone)) for lane in lanes]
    if told:
        told.cancel()
    return [outcome for task in tasks for outcome in task.result()]


async def news() -> None:
    """Say now and then what is under way: most of it is silent until it has ended."""
    while True:
        await asyncio.sleep(NEWS_SECONDS)
        now = time.monotonic()
        print(
            "    at work: " + ", ".join(f"{name} ({now - begun:.0f} s)" for name, begun in AT_WORK.items()), flush=True
        )


@contextmanager
def nothing_left(lanes: Sequence[Lane]) -> Iterator[None]:
    """Leave no sandbox of the tests behind, however they end: SIGTERM is as good as Ctrl-C, in the background too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    take_down(lanes)
    try:
        yield
    finally:
        take_down(lanes)


def take_down(lanes: Sequence[Lane]) -> None:
    for lane in lanes:
        command = [sys.executable, "-m", "sandbox", "down"]
        with suppress(subprocess.TimeoutExpired):
            environment = os.environ | lane.sandbox
            subprocess.run(command, cwd=CHECKOUT, env=environment, stdout=subprocess.DEVNULL, timeout=HANGS_SECONDS)


def main(arguments: Sequence[str]) -> int:
    """Run the stages that were named, or all usual ones; the exit code is 0 only when every test passed."""
    if strangers := set(arguments) - set(STAGES):
        print(f"There is no stage {', '.join(sorted(strangers))}. There are: {', '.join(STAGES)}", file=sys.stderr)
        return 2
    stages = set(arguments) or {step.stage for step in STEPS if not step.named}
    lanes = [chosen for lane in LANES if (chosen := lane.only(stages)).steps]
    shutil.rmtree(REPORTS, ignore_errors=True)
    REPORTS.mkdir(parents=True)
    begun = time.monotonic()
    try:
        with nothing_left(lanes):
            outcomes = asyncio.run(beside(lanes))
    except KeyboardInterrupt:
        seconds = time.monotonic() - begun
        print(f"\nInterrupted after {seconds:.0f} s. The sandboxes of the tests are down.", file=sys.stderr)
        return 130
    print("\n" + "\n".join(outcome.row for outcome in outcomes))
    passed, failed = (sum(getattr(outcome, key) for outcome in outcomes) for key in ("passed", "failed"))
    print(f"\n{passed} passed, {failed} failed in {time.monotonic() - begun:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
