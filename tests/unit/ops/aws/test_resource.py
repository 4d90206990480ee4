"""The shared base: what a module changes, what it says in check mode, and how it fails."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from ops.aws import resource as aws_resource
from ops.aws.errors import unless_missing
from ops.aws.resource import Resource, State, run
from ops.aws.tags import tags_from, tags_to

SOON: dict[str, Any] = {"wait_timeout": 5, "poll_seconds": 0.001}


class Left(SystemExit):
    """The module has ended, as exit_json and fail_json do."""

    def __init__(self, **result: Any) -> None:
        super().__init__(result)
        self.result = result


@dataclass
class Module:
    params: dict[str, Any]
    check_mode: bool = False
    no_log_values: set[str] = field(default_factory=set)

    def exit_json(self, **result: Any) -> None:
        raise Left(**result)

    def fail_json(self, **result: Any) -> None:
        raise Left(failed=True, **result)


@dataclass
class Aws:
    """A resource's two fields as AWS would hold them; `weight` is state."""

    there: State | None = None
    calls: list[str] = field(default_factory=list)
    error: Exception | None = None
    looks_until_settled: int = 0


class Thing(Resource):
    noun = "thing"

    def __init__(self, module: Module, aws: Aws) -> None:
        super().__init__(module)
        self.aws = aws

    def read(self) -> State | None:
        return dict(self.aws.there) if self.aws.there else None

    def desired(self, found: State | None) -> State:
        weight = {} if found else {"weight": 1}
        return {"size": self.params["size"], **weight}

    def create(self, desired: State) -> None:
        if self.aws.error:
            raise self.aws.error
        self.aws.calls.append(f"create {desired}")
        self.aws.there = {**desired, "arn": "arn:thing"}

    def update(self, found: State, changes: State) -> None:
        self.aws.calls.append(f"update {changes}")
        self.aws.there = {**found, **changes}

    def delete(self, found: State) -> None:
        self.aws.calls.append("delete")
        self.aws.there = None

    def is_ready(self, found: State | None) -> bool:
        self.aws.looks_until_settled -= 1
        return self.aws.looks_until_settled < 0


def left(aws: Aws, check_mode: bool = False, **params: Any) -> dict[str, Any]:
    with pytest.raises(Left) as end:
        run(Thing(Module({"name": "t", "size": 2, "state": "present", **params}, check_mode), aws))
    return end.value.result


def denied(code: str = "AccessDenied") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "CreateThing")


def test_creates_what_is_missing_and_then_changes_nothing() -> None:
    aws = Aws()
    assert left(aws)["changed"]
    assert not left(aws)["changed"]
    assert aws.calls == ["create {'size': 2, 'weight': 1}"]


def test_repairs_only_what_differs_and_leaves_state_alone() -> None:
    aws = Aws({"size": 1, "weight": 99, "arn": "arn:thing"})
    result = left(aws)
    assert aws.calls == ["update {'size': 2}"]
    assert result["diff"]["before"] == {"size": 1}
    assert result["diff"]["after"] == {"size": 2}
    assert aws.there == {"size": 2, "weight": 99, "arn": "arn:thing"}


@pytest.mark.parametrize("there", [None, {"size": 1, "weight": 5, "arn": "arn:thing"}])
def test_a_check_says_what_the_run_then_does_and_calls_nothing(there: State | None) -> None:
    checked, aws = Aws(there), Aws(there)
    plan, deed = left(checked, check_mode=True), left(aws)
    assert checked.calls == []
    assert (plan["changed"], plan["diff"]) == (deed["changed"], deed["diff"])


def test_deletes_once() -> None:
    aws = Aws({"size": 1, "arn": "arn:thing"})
    assert left(aws, state="absent", check_mode=True)["changed"]
    assert left(aws, state="absent")["changed"]
    assert not left(aws, state="absent")["changed"]
    assert aws.calls == ["delete"]


def test_an_aws_error_is_one_sentence() -> None:
    result = left(Aws(error=denied()))
    assert result["failed"]
    assert result["msg"] == "Could not create the thing t: AccessDenied: no (CreateThing)"


def test_no_answer_at_all_is_one_sentence_too() -> None:
    result = left(Aws(error=EndpointConnectionError(endpoint_url="https://aws")))
    assert result["msg"].startswith("Could not create the thing t: Could not connect")


def test_waits_until_it_is_settled() -> None:
    aws = Aws(looks_until_settled=3)
    left(aws, wait=True, wait_timeout=5, poll_seconds=0)
    assert aws.looks_until_settled == -1


def test_gives_up_waiting_and_says_how_to_go_on() -> None:
    result = left(Aws(looks_until_settled=10**9), wait=True, wait_timeout=0, poll_seconds=0)
    assert "the same command goes on waiting" in result["msg"]


def test_what_was_just_made_may_not_be_shown_yet_and_is_waited_for() -> None:
    """Not waited for, the run would end with `there is no such thing`, and the next one would make a second."""

    class Late(Thing):
        looks = 0

        def read(self) -> State | None:
            self.looks += 1
            return super().read() if self.looks > 4 else None

    aws = Aws()
    with pytest.raises(Left) as end:
        run(Late(Module({"name": "t", "size": 2, "state": "present", "wait": True, **SOON}), aws))
    assert end.value.result["resource"] == {"size": 2, "weight": 1, "arn": "arn:thing"}
    assert aws.calls == ["create {'size': 2, 'weight': 1}"]


def test_what_nobody_made_is_not_waited_for() -> None:
    assert "There is no thing t to wait for" in left(Aws(), state="ready", **SOON)["msg"]


@pytest.mark.parametrize(
    ("codes", "tried"),
    [(["Busy"] * 3, 4), (["Busy", "AccessDenied"], 2), (["Denied"], 1)],
    ids=["until it may", "until AWS means it", "not for another code"],
)
def test_what_aws_can_t_do_yet_is_tried_again(codes: list[str], tried: int) -> None:
    class Busy(Thing):
        retryable_errors = ("Busy",)

    calls: list[int] = []

    def call(number: int) -> str:
        calls.append(number)
        if len(calls) <= len(codes):
            raise denied(codes[len(calls) - 1])
        return "done"

    thing = Busy(Module({"name": "t", **SOON}), Aws())
    if "Denied" in codes[-1]:
        with pytest.raises(ClientError):
            thing.retry(call, 7)
    else:
        assert thing.retry(call, 7) == "done"
    assert calls == [7] * tried


def test_it_is_not_tried_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws_resource, "RETRY_SECONDS", 0.0)
    thing = Thing(Module({"name": "t", **SOON}), Aws())
    monkeypatch.setattr(Thing, "retryable_errors", ("Busy",))

    def call() -> None:
        raise denied("Busy")

    with pytest.raises(ClientError):
        thing.retry(call)


def test_only_the_named_codes_mean_missing() -> None:
    def call(**_request: Any) -> None:
        raise denied("NotFound")

    assert unless_missing("NotFound", call) is None
    assert unless_missing({"Other", "NotFound"}, call) is None
    with pytest.raises(ClientError):
        unless_missing("Other", call)


def test_tags_there_and_back_without_those_of_aws() -> None:
    assert tags_from([{"Key": "aws:owner", "Value": "rds"}, {"Key": "Stack", "Value": "e"}]) == {"Stack": "e"}
    assert tags_to({"b": 2, "a": "1"}, "key", "value") == [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]


def test_tags_that_yaml_reads_as_numbers_and_booleans_are_no_difference() -> None:
    """What AWS shows again is text: a comparison with 4711 or true would differ for ever."""
    thing = Thing(Module({"name": "t", "tags": {"CostCenter": 4711, "Backup": True}}), Aws())
    assert thing.params["tags"] == {"CostCenter": "4711", "Backup": "true"}
    assert tags_to({"Backup": True}) == [{"Key": "Backup", "Value": "true"}]
