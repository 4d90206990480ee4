"""The evidence of a release is kept, here and in the bucket, and what can't be kept hides nothing: against the API."""

from __future__ import annotations

import json
import stat
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args  # type: ignore[import-untyped]

from ops.release import history as audit
from ops.stack.discovery import Stack, find_audit
from plugins.modules import audit_log_entry, release_report
from sandbox.config import OPERATOR_KEY, OPERATOR_SECRET
from tests.support import nets
from tests.support.ops.releases import RELEASED, RUN, TAKEN_BACK
from tests.support.sandbox.api_only import LocalApi, serving

ACCOUNT = "123456789012"
Play = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalApi]:
    with serving(tmp_path_factory.mktemp("evidence") / "api") as running:
        yield running


@pytest.fixture
def s3(api: LocalApi) -> Any:
    return api.client("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"reports-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def play(api: LocalApi, bucket: str, capsys: pytest.CaptureFixture[str]) -> Play:
    """Run a module as Ansible does, and give its result."""

    def run(module: Any, **options: Any) -> dict[str, Any]:
        arguments = {
            "run": RUN, "bucket": bucket, "bucket_owner": ACCOUNT, "region": "us-east-1",
            "endpoint_url": api.settings.api_url, "aws_ca_bundle": str(api.authority.certificate),
            "access_key": OPERATOR_KEY, "secret_key": OPERATOR_SECRET, **options,
        }  # fmt: skip
        capsys.readouterr()
        with patch_module_args(arguments), pytest.raises(SystemExit):
            module.main()
        return dict(json.loads(capsys.readouterr().out))

    return run


def stored(s3: Any, bucket: str, key: str) -> Any:
    return s3.get_object(Bucket=bucket, Key=key)


def keys(s3: Any, bucket: str) -> list[str]:
    return [item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_a_release_leaves_two_files_and_three_objects(play: Play, s3: Any, bucket: str, tmp_path: Path) -> None:
    RELEASED.write(tmp_path)
    result = play(release_report, folder=str(tmp_path), facts=RELEASED.told())
    assert result["words"] == "1.4.0 was released in 3 min 12 s: 17,200 requests seen from outside, none failed."
    assert (result["problems"], result["cures"], result["changed"]) == ([], [], True)
    assert keys(s3, bucket) == [f"audit-log/{RUN}.json", f"deploy/{RUN}.html", f"deploy/{RUN}.json"]
    page = stored(s3, bucket, f"deploy/{RUN}.html")
    assert page["ContentType"] == "text/html; charset=utf-8"
    assert page["Body"].read() == Path(result["html"]).read_bytes()
    for file in (result["html"], result["json"]):
        assert stat.S_IMODE(Path(file).stat().st_mode) == 0o600
    assert json.loads(Path(result["json"]).read_text())["requests"] == 17200
    entry = json.loads(stored(s3, bucket, f"audit-log/{RUN}.json")["Body"].read())
    assert (entry["outcome"], entry["requests"], entry["failed"]) == ("released", 17200, 0)
    assert (entry["started"], entry["finished"]) == ("2026-11-25T11:30:00Z", "2026-11-25T11:33:12Z")
    assert not list(tmp_path.glob(".*")), "a draft was left"


def test_what_begins_is_written_down_and_completed_at_the_end(play: Play, s3: Any, bucket: str, tmp_path: Path) -> None:
    facts = TAKEN_BACK.told() | {"schema": {"before": "1", "after": "2", "breaking_migrations": ["campus.0002_drop"]}}
    assert play(audit_log_entry, facts={**facts, "outcome": ""})["changed"]
    begun = json.loads(stored(s3, bucket, f"audit-log/{RUN}.json")["Body"].read())
    assert (begun["outcome"], begun["breaking_migrations"], begun["finished"]) == (
        "started",
        ["campus.0002_drop"],
        None,
    )
    play(release_report, folder=str(tmp_path), facts=facts)
    ended = json.loads(stored(s3, bucket, f"audit-log/{RUN}.json")["Body"].read())
    assert (ended["outcome"], ended["breaking_migrations"]) == ("rolled back", ["campus.0002_drop"])


def test_without_a_bucket_the_outcome_is_told_and_the_files_are_kept(play: Play, tmp_path: Path) -> None:
    TAKEN_BACK.write(tmp_path)
    result = play(release_report, folder=str(tmp_path), facts=TAKEN_BACK.told(), bucket="nowhere-to-be-found")
    assert "failed" not in result, "to Ansible that would be a failed task"
    assert result["requests_failed"] == TAKEN_BACK.probe()["failed"]
    assert result["words"].startswith("1.4.0 was taken back")
    assert Path(result["html"]).exists()
    assert [problem.partition(":")[0] for problem in result["problems"]] == ["Could not put s3"] * 3
    assert all("NoSuchBucket" in problem for problem in result["problems"])
    assert f"aws s3 cp {result['html']} s3://nowhere-to-be-found/deploy/{RUN}.html" in result["cures"]


def test_without_a_disk_the_bucket_has_it(play: Play, s3: Any, bucket: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = play(release_report, folder=str(tmp_path / "file"), facts=RELEASED.told())
    assert len(result["problems"]) == 3
    assert "Could not write" in result["problems"][0]
    assert len(keys(s3, bucket)) == 3


def test_without_an_answer_from_aws_it_does_not_ask_thrice(play: Play, tmp_path: Path) -> None:
    result = play(
        release_report, folder=str(tmp_path), facts=RELEASED.told(), endpoint_url=f"https://{nets.OWN}.255.254:9"
    )
    assert len([problem for problem in result["problems"] if "put s3" in problem]) == 1
    assert len(result["cures"]) == 3


def test_a_page_that_can_t_be_drawn_costs_the_page_alone(
    play: Play, s3: Any, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> str:
        raise ZeroDivisionError("no picture")

    monkeypatch.setattr(release_report, "as_html", broken)
    result = play(release_report, folder=str(tmp_path), facts=RELEASED.told())
    assert result["problems"] == ["Could not make the report's html: ZeroDivisionError: no picture"]
    assert keys(s3, bucket) == [f"audit-log/{RUN}.json", f"deploy/{RUN}.json"]


@pytest.mark.parametrize("options", [{"_ansible_check_mode": True}, {"facts": {"outcome": "unchanged"}}])
def test_a_check_and_a_release_that_changes_nothing_leave_nothing(
    options: dict[str, Any], play: Play, s3: Any, bucket: str, tmp_path: Path
) -> None:
    for module, more in ((audit_log_entry, {}), (release_report, {"folder": str(tmp_path)})):
        assert play(module, **{"facts": RELEASED.told(), **more, **options})["changed"] is False
    assert keys(s3, bucket) == []
    assert list(tmp_path.iterdir()) == []


def test_a_begin_that_can_t_be_written_down_is_refused(play: Play) -> None:
    result = play(audit_log_entry, facts=RELEASED.told(), bucket="nowhere-to-be-found")
    assert result["failed"] is True
    assert "so it does not" in result["msg"]
    assert "NoSuchBucket" in result["msg"]
    assert "can't be called" in play(audit_log_entry, facts={}, run="../x")["msg"]


def put_entry(s3: Any, bucket: str, run: str, body: bytes | None = None) -> None:
    content = body if body is not None else json.dumps({"run": run, "outcome": "released"}).encode()
    s3.put_object(Bucket=bucket, Key=audit.key_of(run), Body=content)


def run_of(days_ago: float) -> str:
    return f"{datetime.now(UTC) - timedelta(days=days_ago):%Y%m%dT%H%M%SZ}-1.0"


RECENT = [(number + 1) / 2 for number in range(audit.SHOWN)]  # days: within a week


@pytest.mark.parametrize(
    ("ages", "calls"),
    [
        ([*RECENT, 300], 1),
        ([*RECENT[:3], *(30 + age for age in RECENT[3:]), 300], 2),
        ([0.1, *(400 + age for age in RECENT)], 3),
        ([1], 3),
        ([], 3),
    ],
)
def test_the_newest_entries_are_found_by_few_calls(
    ages: list[float], calls: int, api: LocalApi, s3: Any, bucket: str
) -> None:
    runs = [run_of(age) for age in ages]
    for run in runs:
        put_entry(s3, bucket, run)
    before = len(api.journal())
    assert [entry["run"] for entry in audit.latest(s3, bucket, ACCOUNT)] == runs[: audit.SHOWN]
    made = [call["operation"] for call in api.journal()[before:]]
    assert made.count("ListObjectsV2") == calls, made


def test_more_than_a_page_of_entries_is_listed_to_its_end(s3: Any, bucket: str) -> None:
    class Paged:
        """S3 with pages of two."""

        def list_objects_v2(self, **request: Any) -> Any:
            return s3.list_objects_v2(**request, MaxKeys=2)

    runs = [run_of(age) for age in (*RECENT, 6, 7.5)]
    for run in runs:
        put_entry(s3, bucket, run)
    found = audit.newest_keys(Paged(), bucket, ACCOUNT, datetime.now(UTC))
    assert found == [audit.key_of(run) for run in runs[: audit.SHOWN]]


def test_a_clock_that_is_wrong_finds_the_same(s3: Any, bucket: str) -> None:
    runs = [run_of(age) for age in (1, 2, 3)]
    for run in runs:
        put_entry(s3, bucket, run)
    for years in (-20, 20):
        now = datetime.now(UTC) + timedelta(days=365 * years)
        assert audit.newest_keys(s3, bucket, ACCOUNT, now) == [audit.key_of(run) for run in runs]


def test_an_entry_that_can_t_be_read_is_said_to_be_so(s3: Any, bucket: str) -> None:
    put_entry(s3, bucket, run_of(1), b"{half")
    put_entry(s3, bucket, run_of(2), b"[]")
    found = audit.latest(s3, bucket, ACCOUNT)
    assert [entry["outcome"] for entry in found] == ["unreadable", "unreadable"]
    assert found[0]["requests"] == 0


def test_an_stack_without_its_bucket_has_released_nothing(s3: Any) -> None:
    assert find_audit(s3, Stack("nobody", ACCOUNT, "us-east-1", "aws", "x.example")) == {"audit": []}
