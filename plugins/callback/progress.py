"""Ansible's default output, with the progress of waits and the time that each role took."""

from __future__ import annotations

import atexit
import json
import os
import sys
import textwrap
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.plugins.callback.default import CallbackModule as Default
from ansible.utils.color import stringc

from ops.terminal.live_line import LiveLine, print_above
from ops.terminal.wait_log import WaitLog

DOCUMENTATION = """
    name: progress
    type: stdout
    short_description: the default output with the progress of waits and the time that each role took
    description:
      - On a terminal the progress of a wait is one line that is overwritten; it is kept when its stage is over.
      - Elsewhere, and with C(-v), it is a line for each new stage, and one a minute.
    extends_documentation_fragment: [default_callback, result_format_callback]
    options:
      summary_file:
        description: File to which the time of each role, the counts of each host and every change are written as JSON.
        type: path
        env: [{name: PLAY_SUMMARY}]
"""


WAITING = "bright blue"


def progress(result: Mapping[str, Any]) -> str:
    """Return the message of a result that is retried."""
    return str(result.get("progress") or result.get("msg") or "not yet")


def is_terminal() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def is_validation(task: Any) -> bool:
    """Return whether Ansible added the task itself, to validate a role's arguments; it is shown only if it fails."""
    return str(task.action).rpartition(".")[2] == "validate_argument_spec"


def change(result: Any) -> dict[str, Any] | None:
    """Return what a result changed, or would change; None for nothing. A loop counts by its items."""
    said = result._result
    if not said.get("changed") or "results" in said:
        return None
    return {
        "host": result._host.get_name(),
        "task": result._task.get_name(),
        "item": said.get("_ansible_item_label"),
        "diff": said.get("diff"),
    }


def indented(message: str) -> list[str]:
    """Return a message's lines, none too long; a word, such as an option or a path, stays whole to be copied."""
    wrapper = textwrap.TextWrapper(
        110, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False, break_long_words=False
    )
    return [line for text in message.splitlines() for line in wrapper.wrap(text)]


def table(seconds: Mapping[str, float]) -> list[str]:
    """Return a line a role, as `network        4.2 s`, in the order in which they ran."""
    width = max((len(role) for role in seconds), default=0)
    return [f"  {role:<{width}} {spent:7.1f} s" for role, spent in seconds.items()]


class CallbackModule(Default):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "progress"

    def __init__(self) -> None:
        super().__init__()
        self.seconds: dict[str, float] = {}
        self.running: tuple[str, float] | None = None
        self.log = WaitLog()
        self.changes: list[dict[str, Any]] = []
        self.live: LiveLine | None = None
        if is_terminal() and not self._display.verbosity:
            self.live = LiveLine(sys.stdout.fileno(), keep=self._show, paint=lambda line: stringc(line, WAITING))
            print_above(self._display, self.live)
            atexit.register(self.live.end)  # after Ctrl-C too, the shell's prompt gets a row of its own

    def _show(self, line: str) -> None:
        self._display.display(line, color=WAITING)

    def _stop_waiting(self, host: str | None = None) -> None:
        """End the wait of a host, or of all hosts."""
        self.log.end(host)
        if self.live:
            self.live.end(host)

    def _switch_to(self, role: str | None) -> None:
        """Add the time since the last call to the role that was running then."""
        now = time.monotonic()
        if self.running:
            name, since = self.running
            self.seconds[name] = self.seconds.get(name, 0.0) + now - since
        self.running = (role, now) if role else None

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._stop_waiting()
        self._switch_to(task._role.get_name() if task._role else "playbook")
        super().v2_playbook_on_task_start(task, is_conditional)

    def _print_task_banner(self, task: Any) -> None:
        if self._display.verbosity or not is_validation(task):
            super()._print_task_banner(task)

    def _keep(self, result: Any) -> None:
        if found := change(result):
            self.changes.append(found)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        self._keep(result)
        super().v2_runner_item_on_ok(result)

    def v2_runner_on_ok(self, result: Any) -> None:
        self._stop_waiting(result._host.get_name())
        self._keep(result)
        if self._display.verbosity or not is_validation(result._task):
            super().v2_runner_on_ok(result)

    def v2_runner_retry(self, result: Any) -> None:
        host, now = result._host.get_name(), progress(result._result)
        if self.live:
            self.live.wait(host, now, str(result._result.get("phase") or ""))
            return
        stage = str(result._result.get("phase") or now)  # figures change at each poll, and don't belong into a log
        if self.log.is_due(host, stage, time.monotonic()):
            self._display.display(f"  waiting: [{host}] {now}", color=WAITING)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._stop_waiting(result._host.get_name())
        message = result._result.get("msg")
        if ignore_errors or self._display.verbosity or not message:
            super().v2_runner_on_failed(result, ignore_errors=ignore_errors)
            return
        lines = [f"FAILED: [{result._host.get_name()}] {result._task.get_name()}", *indented(str(message))]
        self._display.display("\n".join([*lines, f"  ({result._task.get_path()}; -v shows more)"]), color="red")

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._stop_waiting(result._host.get_name())
        super().v2_runner_on_unreachable(result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._stop_waiting()
        self._switch_to(None)
        super().v2_playbook_on_stats(stats)
        if sum(self.seconds.values()) >= 1:
            self._display.display("TIME")
            for line in table(self.seconds):
                self._display.display(line)
        if summary_file := self.get_option("summary_file"):
            hosts = {host: stats.summarize(host) for host in sorted(stats.processed)}
            found = {"seconds": self.seconds, "hosts": hosts, "changes": self.changes}
            Path(summary_file).write_text(json.dumps(found, default=str))
