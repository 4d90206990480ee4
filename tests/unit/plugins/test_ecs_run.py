"""One-off tasks on an AWS that is eventually consistent: the task is shown late, and so is its log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from plugins.modules import ecs_run
from tests.support.ops.own_modules import call, environment
from tests.support.sandbox.api_only import LocalApi, serving

GROUP, STREAM = "/ecs/t1", "t1-migrate/app/0123"
ARN = "arn:aws:ecs:us-east-1:123456789012:task/t1/0123"
OPTIONS: dict[str, Any] = {
    "command": ["migrate", "--plan"],
    "cluster": "t1",
    "task_definition": "t1-migrate",
    "subnets": ["subnet-a"],
    "security_groups": ["sg-a"],
    "log_group": GROUP,
    "timeout": 600,
    "poll_seconds": 5,
}
MISSING = {"tasks": [], "failures": [{"arn": ARN, "reason": "MISSING"}]}


def stopped(created: datetime | None = None, **container: Any) -> dict[str, Any]:
    """The answer about a task that was made a minute ago, unless it says when."""
    task = {
        "taskArn": ARN,
        "taskDefinitionArn": "arn:aws:ecs:us-east-1:123456789012:task-definition/t1-migrate:7",
        "lastStatus": "STOPPED",
        "createdAt": created or datetime.now(UTC) - timedelta(minutes=1),
        "containers": [{"name": "app", **container}],
    }
    return {"tasks": [task], "failures": []}


class Ecs:
    """Tells the answers of DescribeTasks one after the other, and the last of them for ever."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)
        self.stopped: list[str] = []

    def run_task(self, **request: Any) -> dict[str, Any]:
        return {"tasks": [{"taskArn": ARN}], "failures": []}

    def describe_tasks(self, **request: Any) -> dict[str, Any]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def stop_task(self, **request: Any) -> None:
        self.stopped.append(request["task"])


class Clock:
    """Time that passes only while somebody sleeps; each wait may bring something."""

    def __init__(self) -> None:
        self.now, self.waits = 0.0, 0
        self.brings: dict[int, Callable[[], None]] = {}

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.waits += 1
        self.brings.get(self.waits, lambda: None)()


class Pages:
    """GetLogEvents with the pages of a stream from its end, the first of them empty, as AWS may answer."""

    def __init__(self, *pages: list[str]) -> None:
        self.pages = pages
        self.requests: list[dict[str, Any]] = []

    def get_log_events(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        number = int(request["nextToken"].removeprefix("b/")) if "nextToken" in request else 0
        page = self.pages[number] if number < len(self.pages) else []
        return {
            "events": [{"message": line} for line in page],
            "nextBackwardToken": f"b/{min(number + 1, len(self.pages))}",
            "nextForwardToken": "f/0",
        }


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalApi]:
    with serving(tmp_path_factory.mktemp("one-off") / "sandbox") as api, environment(api):
        yield api


@pytest.fixture
def logs(api: LocalApi) -> Iterator[Any]:
    client = api.client("logs")
    client.create_log_group(logGroupName=GROUP)
    yield client
    client.delete_log_group(logGroupName=GROUP)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(ecs_run, "time", clock)
    return clock


def written(logs: Any, *lines: str, before: timedelta = timedelta(0)) -> None:
    """What awslogs delivers; the stream too comes only then."""
    if not logs.describe_log_streams(logGroupName=GROUP)["logStreams"]:
        logs.create_log_stream(logGroupName=GROUP, logStreamName=STREAM)
    now = int((datetime.now(UTC) - before).timestamp() * 1000)
    events = [{"timestamp": now + number, "message": line} for number, line in enumerate(lines)]
    logs.put_log_events(logGroupName=GROUP, logStreamName=STREAM, logEvents=events)


def ran(monkeypatch: pytest.MonkeyPatch, ecs: Ecs, logs: Any, **options: Any) -> dict[str, Any]:
    clients = {"ecs": ecs, "logs": logs}
    monkeypatch.setattr(AnsibleAWSModule, "client", lambda self, service, **_: clients[service])
    return call(ecs_run.main, **OPTIONS, **options)


def test_a_line_that_must_come_is_awaited(monkeypatch: pytest.MonkeyPatch, clock: Clock, logs: Any) -> None:
    clock.brings = {2: lambda: written(logs, "starting"), 3: lambda: written(logs, "the migration plan")}
    answer = ran(monkeypatch, Ecs(stopped(exitCode=0)), logs, says="migration plan")
    assert (answer["lines"], clock.waits) == (["starting", "the migration plan"], 3)


def test_a_line_that_never_comes_is_stopped(monkeypatch: pytest.MonkeyPatch, clock: Clock, logs: Any) -> None:
    written(logs, "starting")
    answer = ran(monkeypatch, Ecs(stopped(exitCode=0)), logs, says="migration plan")
    assert (answer["lines"], clock.now) == (["starting"], ecs_run.LOG_SECONDS)
    assert "failed" not in answer


def test_who_asks_for_any_line_waits_for_the_first(monkeypatch: pytest.MonkeyPatch, clock: Clock, logs: Any) -> None:
    clock.brings = {1: lambda: written(logs, "seeded")}
    assert ran(monkeypatch, Ecs(stopped(exitCode=0)), logs, says="")["lines"] == ["seeded"]


def test_who_asks_for_no_line_waits_for_none(monkeypatch: pytest.MonkeyPatch, clock: Clock, logs: Any) -> None:
    assert ran(monkeypatch, Ecs(stopped(exitCode=0)), logs)["lines"] == []
    assert clock.waits == 0


def test_what_failed_says_why_though_it_comes_late(monkeypatch: pytest.MonkeyPatch, clock: Clock, logs: Any) -> None:
    clock.brings = {2: lambda: written(logs, '{"message": "migrate failed", "detail": "no such column"}')}
    answer = ran(monkeypatch, Ecs(stopped(exitCode=1)), logs)
    assert "it ended with exit code 1: no such column." in answer["msg"]


def test_what_never_began_has_nothing_to_say(monkeypatch: pytest.MonkeyPatch, clock: Clock, logs: Any) -> None:
    answer = ran(monkeypatch, Ecs(stopped(reason="CannotPullContainerError: gone")), logs, says="migration plan")
    assert "CannotPullContainerError: gone.\nIt wrote nothing." in answer["msg"]
    assert clock.waits == 0


def test_the_last_lines_since_the_task_was_made_count(monkeypatch: pytest.MonkeyPatch, clock: Clock, logs: Any) -> None:
    written(logs, "of an older task", before=timedelta(minutes=5))
    written(logs, "only")
    assert ran(monkeypatch, Ecs(stopped(exitCode=0)), logs)["lines"] == ["only"]
    written(logs, *map(str, range(30)))
    assert ran(monkeypatch, Ecs(stopped(exitCode=0)), logs)["lines"] == [str(number) for number in range(10, 30)]


def test_an_empty_page_is_not_the_end(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    pages = Pages([], ["c", "d"], [], ["a", "b"])
    created = datetime(2026, 11, 25, 11, 30, tzinfo=UTC)
    assert ran(monkeypatch, Ecs(stopped(created, exitCode=0)), pages, says="a")["lines"] == ["a", "b", "c", "d"]
    assert {one["startTime"] for one in pages.requests} == {int(created.timestamp() * 1000)}
    assert (len(pages.requests), clock.waits) == (5, 0)


def test_a_task_that_ecs_does_not_show_yet_is_awaited(monkeypatch: pytest.MonkeyPatch, clock: Clock, logs: Any) -> None:
    answer = ran(monkeypatch, Ecs(MISSING, MISSING, stopped(exitCode=0)), logs)
    assert (answer["task"], clock.waits) == ({"arn": ARN, "exit_code": 0}, 2)


def test_a_task_that_ecs_never_shows_is_stopped(monkeypatch: pytest.MonkeyPatch, clock: Clock, logs: Any) -> None:
    ecs = Ecs(MISSING)
    assert "it took longer than 600 s and was stopped" in ran(monkeypatch, ecs, logs)["msg"]
    assert ecs.stopped == [ARN]


def test_what_takes_too_long_says_the_option_what_is_left_and_what_it_wrote(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, logs: Any
) -> None:
    running: dict[str, Any] = {"tasks": [stopped()["tasks"][0] | {"lastStatus": "RUNNING"}], "failures": []}
    ecs = Ecs(*[running] * 125, stopped(exitCode=143))
    written(logs, '{"message": "waiting for a lock on fees_payment"}')
    answer = ran(monkeypatch, ecs, logs, timeout_help="Give it more: -e release_migration_timeout=1200.")
    assert ecs.stopped == [ARN]
    assert answer["msg"].startswith(
        "The one-off task `migrate --plan` failed: it took longer than 600 s and was stopped: waiting for a lock on "
        "fees_payment. Give it more: -e release_migration_timeout=1200.\nIts last lines:"
    )


def test_a_task_that_does_not_end_when_told_to_is_not_waited_for_without_limit(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, logs: Any
) -> None:
    running: dict[str, Any] = {"tasks": [stopped()["tasks"][0] | {"lastStatus": "RUNNING"}], "failures": []}
    answer = ran(monkeypatch, Ecs(running), logs)
    assert "took longer than 600 s and was stopped" in answer["msg"]
