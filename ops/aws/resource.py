"""What every module of ours does, once: read what is there, compare it with what is desired, change the difference.

A module describes one AWS resource by subclassing `Resource`; `run` gives it check mode, diff, waiting and errors that
say what could not be done, why, and what AWS answered.

A *state* is a plain dictionary in the module's own option names and JSON types. `read` and `desired` use the same keys
and the same order inside lists, so that comparing is `==`. What AWS knows but nobody manages stays out of `desired`; a
field that is state (a weight, a count) is in `desired(found)` only while nothing was found.
"""

from __future__ import annotations

import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, ClassVar, NoReturn, TypeVar

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from botocore.exceptions import BotoCoreError, ClientError

from ops.aws.redaction import hiding_secrets, redact
from ops.aws.tags import aws_text, aws_texts
from ops.stack.ownership import AmbiguousError

State = dict[str, Any]
T = TypeVar("T")

NOT_YET_SECONDS = 600.0
NOT_YET_POLL_SECONDS = 3.0

STATE_OPTION = {"state": {"choices": ["present", "absent"], "default": "present"}}
# ready: change nothing, wait until what was started before has come up
STATE_OPTION_WITH_READY = {"state": {"choices": ["present", "absent", "ready"], "default": "present"}}
TAGS_OPTION = {"tags": {"type": "dict", "default": {}}}
WAIT_OPTIONS = {
    "wait": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 600},
    "poll_seconds": {"type": "float", "default": 10},
}


class Resource(ABC):
    """One AWS resource as a module sees it. `self.params` holds the module's options."""

    noun: ClassVar[str]  # "target group": for messages
    #: AWS's codes, or words of its messages, for "not yet": what a call needs was made, or what stood in its way was
    #: removed, seconds ago, and not all of AWS knows it. For `patiently`.
    not_yet: ClassVar[tuple[str, ...]] = ()

    def __init__(self, module: AnsibleAWSModule) -> None:
        self.module = module
        self.params: State = module.params
        if tags := self.params.get("tags"):  # AWS shows them as text
            self.params = {**self.params, "tags": aws_texts(tags)}

    @property
    def name(self) -> str:
        """What a person calls this resource; shown in messages and diffs."""
        return str(self.params["name"])

    @abstractmethod
    def read(self) -> State | None:
        """The present state, or None when there is none. Holds every key of `desired`, and may hold more (ARNs)."""

    @abstractmethod
    def desired(self, found: State | None) -> State:
        """The state that the options ask for."""

    @abstractmethod
    def create(self, desired: State) -> None:
        """Make the resource in its desired state."""

    @abstractmethod
    def update(self, found: State, changes: State) -> None:
        """Bring what was found to the desired state; `changes` holds the desired values that differ."""

    def objection(self, found: State, changes: State) -> str | None:
        """Why what was found can't be changed so (or removed), with the cure; asked in check mode too."""
        return None

    def delete(self, found: State) -> None:
        self.fail(f"The {self.noun} {self.name} is never deleted by this module.")

    def planned(self, found: State | None, desired: State) -> State:
        """What a check shows as the resource that would be there; names that AWS gives stay those that were found."""
        return {**(found or {}), **desired}

    def settled(self, found: State) -> bool:
        """Whether AWS has finished what was asked; looked at again and again while the module waits."""
        return True

    def hint(self, found: State | None) -> str:
        """What a person should know or do when waiting took too long."""
        return "It may still become so: the same command goes on waiting."

    def patiently(self, call: Callable[..., T], *args: Any, **request: Any) -> T:
        """What the call returns, tried again while AWS answers `not_yet`; after NOT_YET_SECONDS its error counts.

        https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
        """
        deadline = time.monotonic() + NOT_YET_SECONDS
        while True:
            try:
                return call(*args, **request)
            except ClientError as error:
                answer = error.response["Error"]
                said = f"{answer['Code']}: {answer.get('Message')}"
                if not any(word in said for word in self.not_yet) or time.monotonic() > deadline:
                    raise
            time.sleep(float(self.params.get("poll_seconds") or NOT_YET_POLL_SECONDS))

    def fail(self, message: str) -> NoReturn:
        self.module.fail_json(msg=message)
        raise SystemExit(1)  # fail_json has left already; this tells the type checker


def run(resource: Resource) -> None:
    """Converge the resource; leave with `changed`, `changes` (names), `diff` and `resource` (what is or would be)."""
    with hiding_secrets(resource.module):
        _run(resource)


def _run(resource: Resource) -> None:
    module = resource.module
    state = module.params.get("state")
    absent = state == "absent"
    with explained(resource, "read"):
        found = resource.read()
    desired = {} if state in ("absent", "ready") else resource.desired(found)
    before = {key: found.get(key) for key in (found if absent else desired)} if found else {}
    changes = {key: value for key, value in desired.items() if not found or before[key] != value}
    changed = found is not None if absent else bool(changes)
    if changed and found and (objection := resource.objection(found, changes)):
        resource.fail(objection)
    if changed and not module.check_mode:
        _change(resource, found, desired, changes)
        with explained(resource, "read"):
            found = resource.read()
    if (module.params.get("wait") or state == "ready") and not module.check_mode:
        found = _wait(resource, found, begun=changed)
    module.exit_json(
        changed=changed,
        changes=sorted(changes),
        diff={"before": before, "after": desired, "before_header": resource.name, "after_header": resource.name},
        resource=resource.planned(found, desired) if changed and module.check_mode else found or {},
    )


def _change(resource: Resource, found: State | None, desired: State, changes: State) -> None:
    if not desired and found is not None:
        with explained(resource, "delete"):
            resource.delete(found)
    elif found is None:
        with explained(resource, "create"):
            resource.create(desired)
    else:
        with explained(resource, "change"):
            resource.update(found, changes)


def _wait(resource: Resource, found: State | None, begun: bool) -> State | None:
    deadline = time.monotonic() + float(resource.params["wait_timeout"])
    while not _settled(resource, found, begun):
        if time.monotonic() > deadline:
            end = "gone" if resource.params.get("state") == "absent" else "ready"
            resource.fail(
                f"The {resource.noun} {resource.name} was not {end} after {resource.params['wait_timeout']} s. "
                f"{resource.hint(found)}"
            )
        time.sleep(float(resource.params["poll_seconds"]))
        with explained(resource, "read"):
            found = resource.read()
    return found


def _settled(resource: Resource, found: State | None, begun: bool) -> bool:
    """begun: what is waited for was made in this run, so that AWS may not show it yet."""
    if resource.params.get("state") == "absent":
        return found is None
    if found is None and begun:
        return False
    if found is None:
        resource.fail(
            f"There is no {resource.noun} {resource.name} to wait for. Provision it first, then run this again."
        )
    return resource.settled(found)


def explained(resource: Resource, verb: str) -> AbstractContextManager[None]:
    return failing_with(resource.module, f"Could not {verb} the {resource.noun} {resource.name}")


@contextmanager
def failing_with(module: AnsibleAWSModule, what: str) -> Iterator[None]:
    """Turn an AWS error into one sentence: what could not be done, AWS's code and AWS's words."""
    try:
        yield
    except AmbiguousError as error:
        module.fail_json(msg=str(error))
    except ClientError as error:
        answer = error.response.get("Error", {})
        said = redact(f"{answer.get('Code')}: {answer.get('Message')}")  # AWS quotes what it does not like
        module.fail_json(msg=f"{what}: {said} ({error.operation_name})", exception=redact(traceback.format_exc()))
    except BotoCoreError as error:
        module.fail_json(msg=f"{what}: {redact(str(error))}", exception=redact(traceback.format_exc()))


def unless_missing(codes: str | Iterable[str], call: Callable[..., Any], **request: Any) -> Any:
    """The answer of an AWS call, or None when AWS answers with one of these not-found codes."""
    try:
        return call(**request)
    except ClientError as error:
        if error.response["Error"]["Code"] in ({codes} if isinstance(codes, str) else set(codes)):
            return None
        raise


def same_version(desired: str, found: str | None) -> bool:
    """Whether a version is the desired one, or a minor version of it: 17 wants 17.5, 17.5 does not want 17.6."""
    return found is not None and (found == desired or found.startswith(f"{desired}."))


def tags_from(pairs: Iterable[Mapping[str, str]], key: str = "Key", value: str = "Value") -> dict[str, str]:
    """AWS's list of tags as a dictionary, without those that AWS itself puts (`aws:...`)."""
    return {pair[key]: pair[value] for pair in pairs if not pair[key].startswith("aws:")}


def tags_to(tags: Mapping[str, Any], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    return [{key: name, value: aws_text(text)} for name, text in sorted(tags.items())]
