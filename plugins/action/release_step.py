"""Carry out one step of a release: the module of that name observes and decides, the modules of its actions act."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from ansible.plugins.action import ActionBase

from ops.release.operator import Operator

# Those with an action plugin of their own; the others run as any module does, by the warm Python too.
OWN_PLUGIN = ("deployment_lock", "probe")


class ActionModule(ActionBase):
    def run(self, tmp: str | None = None, task_vars: Mapping[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        run = partial(self._module, task_vars)
        return run("release_step", dict(self._task.args)) if self._task.check_mode else self._operator(run).step()

    def _operator(self, run: Any) -> Operator:
        return Operator(self._task.args, run)

    def _module(self, task_vars: Mapping[str, Any] | None, name: str, options: dict[str, Any]) -> dict[str, Any]:
        task = self._task.copy()
        task.action, task.args = name, options
        action = self._shared_loader_obj.action_loader.get(
            name if name in OWN_PLUGIN else "ansible.legacy.normal",
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        result: dict[str, Any] = action.run(task_vars=task_vars)
        return result
