"""The lock as playbooks meet it: held while they live, freed however they end, refused to everybody else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from plugins.module_utils.lease import Held, Holder, Lease
from sandbox.config import CHECKOUT, OPERATOR_KEY, OPERATOR_SECRET
from tests.unit.sandbox.api_only import LocalApi, serving

BUCKET = "estate-reports"
LEASE_SECONDS = 3
PROGRAM = Path(sys.executable).with_name("ansible-playbook")


class Plays:
    """Playbooks that take the lock, on their own or against each other."""

    def __init__(self, api: LocalApi, folder: Path, connection: str) -> None:
        self.api, self.folder, self.connection = api, folder, connection
        self.lease = Lease(api.client("s3"), BUCKET)
        self.log = folder / "run" / "lock.log"
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
                "stack_name": "estate",
                "lock_bucket": BUCKET,
                "lock_owner": f"arn:{number}",
                "lock_run": f"run-{number}",
                "lock_reason": f"reason {number}",
                "lock_log": str(self.log),
                "lock_lease_seconds": LEASE_SECONDS,
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
        said = process.communicate(timeout=60)[0]
        return process.returncode, " ".join(said.split())

    def until(self, condition: Callable[[Held | None], bool], seconds: float = 30) -> Held | None:
        deadline = time.monotonic() + seconds
        while not condition(held := self.lease.look()):
            assert time.monotonic() < deadline, self.log.read_text() if self.log.exists() else held
            time.sleep(0.05)
        return held


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
    for process in plays.running:
        process.kill()
        process.communicate(timeout=60)
    if held := plays.lease.look():
        plays.lease.free(held.holder.token)


def renewed(held: Held | None) -> bool:
    return held is not None and held.holder.renewals > 0


def test_a_play_holds_the_lock_longer_than_its_lease_and_frees_it(plays: Plays) -> None:
    wait = command(f"sleep {LEASE_SECONDS + 3}")
    code, said = plays.play(lock(), wait, lock("check"), lock("free"), task("ansible.builtin.debug", msg="after"))
    assert code == 0, said
    assert plays.lease.look() is None
    assert "freed the lock: it was told to" in plays.log.read_text()
    assert plays.log.stat().st_mode & 0o777 == 0o600


def test_the_warm_python_takes_it_too(plays: Plays) -> None:
    plays.connection = "warm_local"
    code, said = plays.play(lock(), lock("check"), lock("free"))
    assert code == 0, said
    assert " changed=0 " in said, said
    assert plays.lease.look() is None


def test_a_second_play_is_refused_and_leaves_the_lock_alone(plays: Plays) -> None:
    plays.start(lock(), command("sleep 60"))
    first = plays.until(lambda held: held is not None)
    assert first
    code, said = plays.play(
        {"name": "All", "block": [lock(), task("ansible.builtin.debug", msg="went on")], "always": [lock("free")]}
    )
    assert code != 0 and "went on" not in said
    for part in ("arn:0", first.holder.since, "reason 0", "run-0", "lock_steal=", "runbook_break_lock.yml"):
        assert part in said
    assert plays.lease.check(first.holder.token)


@pytest.mark.parametrize(
    ("end", "whom"),
    [(signal.SIGKILL, os.kill), (signal.SIGINT, os.killpg)],
    ids=["kill -9 of ansible-playbook", "Ctrl-C"],
)
def test_the_lock_is_freed_when_its_play_is_ended(
    plays: Plays, end: signal.Signals, whom: Callable[[int, int], None]
) -> None:
    process = plays.start(lock(), command("sleep 60"))
    plays.until(renewed)
    whom(process.pid, end)
    plays.until(lambda held: held is None)
    assert "freed the lock: its playbook has ended" in plays.log.read_text()


def test_a_play_that_fails_frees_the_lock_though_nobody_said_so(plays: Plays) -> None:
    code, said = plays.play(lock(), task("ansible.builtin.fail", msg="as asked"))
    assert code != 0 and "as asked" in said
    plays.until(lambda held: held is None)


def test_killed_with_its_keeper_a_play_blocks_nobody_for_longer_than_its_lease(plays: Plays) -> None:
    process = plays.start(lock(), command("sleep 60"))
    plays.until(renewed)
    for pid in (process.pid, *keepers(plays.log)):
        os.kill(pid, signal.SIGKILL)
    plays.until(lambda held: held is not None and held.expired)
    code, said = plays.play(lock(), lock("free"))
    assert code == 0, said
    assert "taken from arn:0" in said and "its lease ran out" in said


def keepers(log: Path) -> list[int]:
    """Keepers that write to this log."""
    found = []
    for words in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"lock_keeper.py" in words.read_bytes() and (words.parent / "fd/2").readlink() == log:
                found.append(int(words.parent.name))
        except OSError:
            continue
    return found


def test_a_play_whose_lock_was_stolen_fails_at_its_next_look(plays: Plays) -> None:
    flag = plays.folder / "stolen"
    process = plays.start(
        lock(), command(f"sh -c 'while ! test -e {flag}; do sleep 0.1; done'"), lock("check"),
        task("ansible.builtin.debug", msg="went on"),
    )  # fmt: skip
    plays.until(renewed)
    code, said = plays.play(lock(), command(f"touch {flag}"), command("sleep 4"), lock("free"), lock_steal="it hangs")
    assert code == 0, said
    robbed = " ".join(process.communicate(timeout=60)[0].split())
    assert process.returncode != 0 and "went on" not in robbed
    assert "was taken by arn:1" in robbed and "because it hangs" in robbed
    assert "lost the lock: it was taken by arn:1" in plays.log.read_text()
    assert plays.lease.look() is None, "the thief's lock went with the thief, and nobody took it back"


def test_check_mode_refuses_as_a_run_would_and_writes_nothing(plays: Plays) -> None:
    entries = (lock(), lock("check"), lock("free"))
    code, said = plays.play(*entries, words=("--check",))
    assert code == 0, said
    assert plays.lease.look() is None and not plays.log.exists()
    held = plays.lease.take(Holder(owner="ada", reason="her release", run="", lease_seconds=60))
    code, said = plays.play(*entries, words=("--check",))
    assert code != 0 and "ada" in said and "her release" in said
    assert plays.lease.check(held.holder.token).etag == held.etag


def test_breaking_needs_name_and_reason_and_leaves_a_record(plays: Plays) -> None:
    reason: dict[str, Any] = {"confirm": "estate", "lock_steal": "she left"}
    plays.lease.take(Holder(owner="ada", reason="her release", run="", lease_seconds=60))
    for lacking in ("confirm", "lock_steal"):
        code, said = plays.play(lock("show"), lock("break"), **(reason | {lacking: ""}))
        assert code != 0 and "held by ada" in said and "Nothing was touched" in said
    assert plays.lease.look()
    assert plays.play(lock("break"), words=("--check",), **reason)[0] == 0
    assert plays.lease.look()
    code, said = plays.play(lock("break"), **reason)
    assert code == 0, said
    assert plays.lease.look() is None
    s3 = plays.api.client("s3")
    last = s3.list_object_versions(Bucket=BUCKET, MaxKeys=2)["Versions"][0]
    record = json.load(s3.get_object(Bucket=BUCKET, Key=last["Key"], VersionId=last["VersionId"])["Body"])
    assert record["before"]["owner"] == "ada" and record["before"]["why"] == "she left"


def test_an_estate_without_the_bucket_is_to_be_provisioned(plays: Plays) -> None:
    code, said = plays.play(lock(), lock_bucket="nowhere-at-all")
    assert code != 0
    assert "no bucket nowhere-at-all" in said and "Run provision.yml first" in said


def test_a_lock_that_nothing_would_keep_is_freed_again(plays: Plays) -> None:
    (plays.folder / "run").write_text("no folder")
    code, said = plays.play(lock())
    assert code != 0 and "freed again" in said
    assert plays.lease.look() is None
