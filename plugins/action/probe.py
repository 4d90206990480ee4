"""Start, verify and stop the probe's process, a companion of this play; the module does the rest."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

from ops.process.companion import CompanionError, runs, start, stop

PROBE = "ops.probe.probe"


class ActionModule(ActionBase):
    def run(self, tmp: str | None = None, task_vars: Mapping[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        options = dict(self._task.args)
        pid = int(options.get("pid") or 0)
        if options.get("state") == "stopped" and pid and not self._task.check_mode:
            options["ended_early"] = not stop(pid)
        if options.get("state") == "verified" and pid:
            options["ended_early"] = not runs(pid)
        result |= self._execute_module(module_name="probe", module_args=options, task_vars=task_vars)
        config = result.pop("config", None)
        if config is None:  # stopped, refused, or not to be started
            return result
        try:
            result["pid"] = self._start(config)
        except CompanionError as error:
            result |= {
                "failed": True,
                "msg": f"The probe did not start, so nobody would see what a release does. {error}",
            }
        return result

    def _start(self, config: dict[str, Any]) -> int:
        """Start the probe, and return its pid."""
        environment: dict[str, Any] = {}
        self._compute_environment_string(environment)
        variables = {name: str(value) for name, value in environment.items()}
        log = Path(config["results"]).with_suffix(".log")
        # this is a worker's fork; its parent is ansible-playbook, whose end is the play's
        return start(PROBE, config, variables, os.getppid(), log)
