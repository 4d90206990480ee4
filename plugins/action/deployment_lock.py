"""The deployment lock's keeper is started and stopped here; the module of that name acquires and releases the lock."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.plugins.action import ActionBase

from ops.process import companion

KEEPER = "ops.lock.keeper"


class ActionModule(ActionBase):
    def run(self, tmp: str | None = None, task_vars: Mapping[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        args, check_mode = self._task.args, self._task.check_mode
        state = args.get("state", "acquired")
        if state == "released" and args.get("keeper") and not check_mode:
            companion.stop(int(args["keeper"]))  # it releases the lock itself; the module verifies that
        result = self._module(dict(args), task_vars)
        if state != "acquired" or check_mode or result.get("failed") or not result.get("holder_id"):
            return result
        try:
            keeper = companion.start(KEEPER, self._config(result), self._environment(), os.getppid(), self._log())
        except (companion.CompanionError, OSError) as error:
            self._module({**args, "state": "released", "holder_id": result["holder_id"]}, task_vars)
            return {"failed": True, "msg": f"The lock was released again, since its keeper did not start: {error}"}
        return result | {"keeper": keeper}

    def _module(self, args: dict[str, Any], task_vars: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the module's result, run over the task's own connection."""
        task = self._task.copy()
        task.args = args
        action = self._shared_loader_obj.action_loader.get(
            "ansible.legacy.normal",
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        result: dict[str, Any] = action.run(task_vars=task_vars)
        return result

    def _config(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """Return the keeper's configuration."""
        return {
            "bucket": self._task.args["bucket"],
            "key": self._task.args.get("key", "locks/stack.json"),
            "region": result["region"],
            "holder_id": result["holder_id"],
            "lease_seconds": result["holder"]["lease_seconds"],
        }

    def _environment(self) -> dict[str, str]:
        """Return the task's environment, as modules get it: it names AWS's endpoint, region and CA."""
        environment: dict[str, Any] = {}
        self._compute_environment_string(environment)
        return {str(name): str(value) for name, value in environment.items()}

    def _log(self) -> Path:
        """Return the keeper's log file."""
        return Path(self._task.args.get("log") or Path(constants.ANSIBLE_HOME) / "lock.log").expanduser().resolve()
