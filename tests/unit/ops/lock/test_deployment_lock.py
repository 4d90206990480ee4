"""The lock as playbooks meet it: held while they live, released however they end, refused to everybody else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.lock.lease import HeldLock, Holder, Lease
from sandbox.config import CHECKOUT, OPERATOR_KEY, OPERATOR_SECRET
from tests.support.sandbox.api_only import LocalApi, serving
from tests.support.waiting import HANGS_SECONDS, until

BUCKET = "stack-reports"
#: for what waits until a lease has run out
SHORT_SECONDS = 3
#: for all else: no machine is so busy that its keeper would not renew it in time
LONG_SECONDS = 30
#: what holds a play until its file is there
HOLD = "sh -c 'until test -e {}; do sleep 0.1; done'"
PROGRAM = Path(sys.executable).with_name("ansible-playbook")


class Plays:
    """Playbooks that take the lock, on their own or against each other."""

    def __init__(self, api: LocalApi, folder: Path, connection: str) -> None:
        self.api, self.folder, self.connection = api, folder, connection
        self.lease = Lease(api.client("s3"), BUCKET)
        self.log = folder / "run" / "lock.log"
        self.over = folder / "over"
        self.running: list[subprocess.Popen[str]] = []

    def start(self, *tasks: dict[str, Any], words: tuple[str, ...] = (), **given: Any) -> subprocess.Popen[str]:
        number = len(self.running)
        playbook = self.folder / f"play-{number}.yml"
        location = {"AWS_ENDPOINT_URL": self.api.settings.api_url, "AWS_CA_BUNDLE": str(self.api.authority.certificate)}
        play = {
            "hosts": "localhost",
            "connection": self.connection,
            "environment": location | {"AWS_REGION": "us-east-1"},
            "vars": {
                "stack_name": "stack",
                "lock_bucket": BUCKET,
                "lock_owner": f"arn:{number}",
                "lock_run": f"run-{number}",
                "lock_reason": f"reason {number}",
                "lock_log": str(self.log),
                "lock_lease_seconds": LONG_SECONDS,
                **given,
            },
            "tasks": list(tasks),
        }
        playbook.write_text(yaml.safe_dump([play]))
        # credentials come from outside, as for every play; where AWS is, only the play's environment says
        environment = os.environ | {"AWS_ACCESS_KEY_ID": OPERATOR_KEY, "AWS_SECRET_ACCESS_KEY": OPERATOR_SECRET}
        process = subprocess.Popen(
            [str(PROGRAM), *words, str(playbook)],
            cwd=CHECKOUT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.running.append(process)
        return process

    def play(self, *tasks: dict[str, Any], words: tuple[str, ...] = (), **given: Any) -> tuple[int, str]:
        process = self.start(*tasks, words=words, **given)
        said = process.communicate(timeout=HANGS_SECONDS)[0]
        return process.returncode, " ".join(said.split())

    def until(self, condition: Callable[[HeldLock | None], bool]) -> HeldLock | None:
        """Who holds it, as soon as that is so."""

        def look() -> tuple[HeldLock | None] | None:
            return (held,) if condition(held := self.lease.get()) else None

        found = until(look, lambda: self.said)
        assert found
        return found[0]

    def hold(self) -> dict[str, Any]:
        """A task that lasts until the test is over, or says so."""
        return command(HOLD.format(self.over))

    @property
    def said(self) -> str:
        """What keepers wrote so far."""
        return self.log.read_text() if self.log.exists() else ""

    def tells(self, words: str) -> None:
        """Wait for a keeper's words: it outlives its play for a moment."""
        until(lambda: words in self.said, lambda: self.said)


def lock(entry: str = "main") -> dict[str, Any]:
    return {"name": f"Lock, {entry}", "ansible.builtin.import_role": {"name": "lock", "tasks_from": entry}}


def task(module: str, **arguments: Any) -> dict[str, Any]:
    return {"name": module, module: arguments}


def command(words: str) -> dict[str, Any]:
    return task("ansible.builtin.command", cmd=words)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalApi]:
    with serving(tmp_path_factory.mktemp("lock") / "api") as running:
        running.client("s3").create_bucket(Bucket=BUCKET)
        running.client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield running


@pytest.fixture
def plays(api: LocalApi, tmp_path: Path) -> Iterator[Plays]:
    plays = Plays(api, tmp_path, "local")
    yield plays
    plays.over.touch()  # what a killed play ran goes on else
    for process in plays.running:
        process.kill()
        process.communicate(timeout=HANGS_SECONDS)
    if held := plays.lease.get():
        plays.lease.release(held.holder.token)


def renewed(held: HeldLock | None) -> bool:
    return held is not None and held.holder.renewals > 0


def older(held: HeldLock) -> float:
    """For how many seconds it has been held."""
    return (held.now - datetime.fromisoformat(held.holder.since)).total_seconds()


def test_a_play_holds_the_lock_longer_than_its_lease_and_releases_it(plays: Plays) -> None:
    process = plays.start(
        lock(), plays.hold(), lock("check"), lock("release"), task("ansible.builtin.debug", msg="after"),
        lock_lease_seconds=SHORT_SECONDS,
    )  # fmt: skip
    plays.until(lambda held: held is not None and not held.expired and older(held) > SHORT_SECONDS)
    plays.over.touch()
    said = process.communicate(timeout=HANGS_SECONDS)[0]
    assert process.returncode == 0, said
    assert plays.lease.get() is None
    plays.tells("released the lock: it was told to")
    assert plays.log.stat().st_mode & 0o777 == 0o600


def test_the_warm_python_takes_it_too(plays: Plays) -> None:
    plays.connection = "warm_local"
    code, said = plays.play(lock(), lock("check"), lock("release"))
    assert code == 0, said
    assert " changed=0 " in said, said
    assert plays.lease.get() is None


def test_a_second_play_is_refused_and_leaves_the_lock_alone(plays: Plays) -> None:
    plays.start(lock(), plays.hold())
    first = plays.until(lambda held: held is not None)
    assert first
    code, said = plays.play(
        {"name": "All", "block": [lock(), task("ansible.builtin.debug", msg="went on")], "always": [lock("release")]}
    )
    assert code != 0 and "went on" not in said
    for part in ("arn:0", first.holder.since, "reason 0", "run-0", "lock_force_reason=", "runbook_force_unlock.yml"):
        assert part in said
    assert plays.lease.check(first.holder.token)


@pytest.mark.parametrize(
    ("end", "whom"),
    [(signal.SIGKILL, os.kill), (signal.SIGINT, os.killpg)],
    ids=["kill -9 of ansible-playbook", "Ctrl-C"],
)
def test_the_lock_is_released_when_its_play_is_ended(
    plays: Plays, end: signal.Signals, whom: Callable[[int, int], None]
) -> None:
    process = plays.start(lock(), plays.hold())
    plays.until(renewed)
    whom(process.pid, end)
    plays.until(lambda held: held is None)
    plays.tells("released the lock: its playbook has ended")


def test_a_play_that_fails_releases_the_lock_though_nobody_said_so(plays: Plays) -> None:
    code, said = plays.play(lock(), task("ansible.builtin.fail", msg="as asked"))
    assert code != 0 and "as asked" in said
    plays.until(lambda held: held is None)


def test_killed_with_its_keeper_a_play_blocks_nobody_for_longer_than_its_lease(plays: Plays) -> None:
    process = plays.start(lock(), plays.hold(), lock_lease_seconds=SHORT_SECONDS)
    plays.until(renewed)
    for pid in (process.pid, *keepers(plays.log)):
        os.kill(pid, signal.SIGKILL)
    plays.until(lambda held: held is not None and held.expired)
    code, said = plays.play(lock(), lock("release"))
    assert code == 0, said
    assert "acquired from arn:0" in said and "its lease ran out" in said


def keepers(log: Path) -> list[int]:
    """Keepers that write to this log."""
    found = []
    for words in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"ops.lock.keeper" in words.read_bytes() and (words.parent / "fd/2").readlink() == log:
                found.append(int(words.parent.name))
        except OSError:
            continue
    return found


def test_a_play_that_lost_its_lock_by_force_fails_at_its_next_check(plays: Plays) -> None:
    forced = plays.folder / "forced"
    loser = plays.start(
        lock(), command(HOLD.format(forced)), lock("check"), task("ansible.builtin.debug", msg="went on")
    )
    plays.until(lambda held: held is not None)
    other = plays.start(lock(), command(f"touch {forced}"), plays.hold(), lock("release"), lock_force_reason="it hangs")
    told = " ".join(loser.communicate(timeout=HANGS_SECONDS)[0].split())
    plays.tells(" lost")  # while the other has it: as it renews, or as its play has ended
    plays.over.touch()
    said = other.communicate(timeout=HANGS_SECONDS)[0]
    assert other.returncode == 0, said
    assert loser.returncode != 0 and "went on" not in told
    assert "was taken by arn:1" in told and "because it hangs" in told
    assert plays.lease.get() is None, "the other's lock went with the other, and nobody took it back"


def test_check_mode_refuses_as_a_run_would_and_writes_nothing(plays: Plays) -> None:
    entries = (lock(), lock("check"), lock("release"))
    code, said = plays.play(*entries, words=("--check",))
    assert code == 0, said
    assert plays.lease.get() is None and not plays.log.exists()
    held = plays.lease.acquire(Holder(owner="ada", reason="her release", run="", lease_seconds=60))
    code, said = plays.play(*entries, words=("--check",))
    assert code != 0 and "ada" in said and "her release" in said
    assert plays.lease.check(held.holder.token).etag == held.etag


def test_force_unlocking_needs_name_and_reason_and_is_recorded(plays: Plays) -> None:
    reason: dict[str, Any] = {"confirm": "stack", "lock_force_reason": "she left"}
    plays.lease.acquire(Holder(owner="ada", reason="her release", run="", lease_seconds=60))
    for lacking in ("confirm", "lock_force_reason"):
        code, said = plays.play(lock("show"), lock("force_unlock"), **(reason | {lacking: ""}))
        assert code != 0 and "held by ada" in said and "Nothing was touched" in said
    assert plays.lease.get()
    assert plays.play(lock("force_unlock"), words=("--check",), **reason)[0] == 0
    assert plays.lease.get()
    code, said = plays.play(lock("force_unlock"), **reason)
    assert code == 0, said
    assert plays.lease.get() is None
    s3 = plays.api.client("s3")
    last = s3.list_object_versions(Bucket=BUCKET, MaxKeys=2)["Versions"][0]
    record = json.load(s3.get_object(Bucket=BUCKET, Key=last["Key"], VersionId=last["VersionId"])["Body"])
    assert record["previous"]["owner"] == "ada" and record["previous"]["replaced_because"] == "she left"


def test_a_stack_without_the_bucket_is_to_be_provisioned(plays: Plays) -> None:
    code, said = plays.play(lock(), lock_bucket="nowhere-at-all")
    assert code != 0
    assert "no bucket nowhere-at-all" in said and "Run provision.yml first" in said


def test_a_lock_without_a_keeper_is_released_again(plays: Plays) -> None:
    (plays.folder / "run").write_text("no folder")
    code, said = plays.play(lock())
    assert code != 0 and "released again" in said
    assert plays.lease.get() is None
