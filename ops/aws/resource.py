"""The base of our modules: read a resource, compare it with its desired state, change the difference.

A module describes one AWS resource by subclassing `Resource`; `run` gives it check mode, diff, waiting and errors that
say what could not be done, why, and what AWS answered.

A *state* is a plain dictionary with the module's option names as keys and JSON types as values. `read` and `desired`
use the same keys and the same order inside lists, so that they are compared by `==`. What AWS knows but no option
manages is not in `desired`; a field that others change later (a weight, a count) is in `desired(found)` only while
nothing was found.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, ClassVar, NoReturn, TypeVar

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from botocore.exceptions import ClientError

from ops.aws.errors import failing_with
from ops.aws.redaction import hiding_secrets
from ops.aws.tags import aws_texts

State = dict[str, Any]
T = TypeVar("T")

RETRY_SECONDS = 600.0
RETRY_POLL_SECONDS = 3.0

# The options that modules share. plugins/doc_fragments/resource.py documents them.
STATE_OPTION = {"state": {"choices": ["present", "absent"], "default": "present"}}
# ready: change nothing, wait until the resource is available
STATE_OPTION_WITH_READY = {"state": {"choices": ["present", "absent", "ready"], "default": "present"}}
TAGS_OPTION = {"tags": {"type": "dict", "default": {}}}
WAIT_OPTIONS = {
    "wait": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 600},
    "poll_seconds": {"type": "float", "default": 10},
}


class Resource(ABC):
    """One AWS resource as a module manages it. `self.params` holds the module's options."""

    noun: ClassVar[str]  # "target group": for messages
    #: Error codes of AWS, or parts of its messages, that end by themselves: what the call needs was created, or what
    #: prevented it was deleted, seconds ago. `retry` repeats the call.
    retryable_errors: ClassVar[tuple[str, ...]] = ()

    def __init__(self, module: AnsibleAWSModule) -> None:
        self.module = module
        self.params: State = module.params
        if tags := self.params.get("tags"):  # AWS shows them as text
            self.params = {**self.params, "tags": aws_texts(tags)}

    @property
    def name(self) -> str:
        """Return the name that messages and diffs show."""
        return str(self.params["name"])

    @abstractmethod
    def read(self) -> State | None:
        """Return the present state, or None. It has every key of `desired`, and may have more (ARNs)."""

    @abstractmethod
    def desired(self, found: State | None) -> State:
        """Return the state that the options ask for."""

    @abstractmethod
    def create(self, desired: State) -> None:
        """Create the resource in its desired state."""

    @abstractmethod
    def update(self, found: State, changes: State) -> None:
        """Change what was found; `changes` holds the desired values that differ."""

    def refusal(self, found: State, changes: State) -> str | None:
        """Return why this change or deletion is refused, with the cure, or None. Called in check mode too."""
        return None

    def delete(self, found: State) -> None:
        self.fail(f"The {self.noun} {self.name} is never deleted by this module.")

    def planned(self, found: State | None, desired: State) -> State:
        """Return the resource as check mode shows it; identifiers that AWS gives stay those that were found."""
        return {**(found or {}), **desired}

    def is_ready(self, found: State) -> bool:
        """Return whether AWS has finished; called at each poll while the module waits."""
        return True

    def hint(self, found: State | None) -> str:
        """Return what to do after a timeout, as a sentence."""
        return "It may still become so: the same command goes on waiting."

    def retry(self, call: Callable[..., T], *args: Any, **request: Any) -> T:
        """Return the call's answer; repeat the call on `retryable_errors`, for RETRY_SECONDS at most.

        https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
        """
        deadline = time.monotonic() + RETRY_SECONDS
        while True:
            try:
                return call(*args, **request)
            except ClientError as error:
                answer = error.response["Error"]
                said = f"{answer['Code']}: {answer.get('Message')}"
                if not any(word in said for word in self.retryable_errors) or time.monotonic() > deadline:
                    raise
            time.sleep(float(self.params.get("poll_seconds") or RETRY_POLL_SECONDS))

    def fail(self, message: str) -> NoReturn:
        self.module.fail_json(msg=message)
        raise SystemExit(1)  # fail_json has left already; this tells the type checker


def run(resource: Resource) -> None:
    """Reconcile the resource, and exit with `changed`, `changes` (names), `diff` and `resource` (its state)."""
    with hiding_secrets(resource.module):
        _run(resource)


def _run(resource: Resource) -> None:
    module = resource.module
    state = module.params.get("state")
    absent = state == "absent"
    with errors_of(resource, "read"):
        found = resource.read()
    desired = {} if state in ("absent", "ready") else resource.desired(found)
    before = {key: found.get(key) for key in (found if absent else desired)} if found else {}
    changes = {key: value for key, value in desired.items() if not found or before[key] != value}
    changed = found is not None if absent else bool(changes)
    if changed and found and (refusal := resource.refusal(found, changes)):
        resource.fail(refusal)
    if changed and not module.check_mode:
        _change(resource, found, desired, changes)
        with errors_of(resource, "read"):
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
        with errors_of(resource, "delete"):
            resource.delete(found)
    elif found is None:
        with errors_of(resource, "create"):
            resource.create(desired)
    else:
        with errors_of(resource, "change"):
            resource.update(found, changes)


def _wait(resource: Resource, found: State | None, begun: bool) -> State | None:
    deadline = time.monotonic() + float(resource.params["wait_timeout"])
    while not _is_ready(resource, found, begun):
        if time.monotonic() > deadline:
            end = "gone" if resource.params.get("state") == "absent" else "ready"
            resource.fail(
                f"The {resource.noun} {resource.name} was not {end} after {resource.params['wait_timeout']} s. "
                f"{resource.hint(found)}"
            )
        time.sleep(float(resource.params["poll_seconds"]))
        with errors_of(resource, "read"):
            found = resource.read()
    return found


def _is_ready(resource: Resource, found: State | None, begun: bool) -> bool:
    """Return whether the wait is over. begun: this run created the resource, so that AWS may not show it yet."""
    if resource.params.get("state") == "absent":
        return found is None
    if found is None and begun:
        return False
    if found is None:
        resource.fail(
            f"There is no {resource.noun} {resource.name} to wait for. Provision it first, then run this again."
        )
    return resource.is_ready(found)


def errors_of(resource: Resource, verb: str) -> AbstractContextManager[None]:
    """Return a context in which an AWS error fails the module, with the resource's name."""
    return failing_with(resource.module, f"Could not {verb} the {resource.noun} {resource.name}")


def same_version(desired: str, found: str | None) -> bool:
    """Return whether a version is the desired one or a minor version of it: 17.5 is one of 17, 17.6 none of 17.5."""
    return found is not None and (found == desired or found.startswith(f"{desired}."))
