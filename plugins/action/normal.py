"""Run a module as Ansible's default action does; over the connection `warm_local`, by its name instead of as a zip.

Packing a module with all that it imports takes a third of a second; the warm server imports the same files from where
they are. This uses private interfaces of ansible-core, whose version requirements.lock pins; with ansible_connection:
local none of them is used.

Before a module runs, over any connection, it fails if an argument is a placeholder of a plan (docs/decisions/001).
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ansible.plugins.action
from ansible.module_utils.common.json import Direction, get_module_encoder

from ops.stack.placeholders import refusal

MARK = b"#warm-module\n"
COLLECTIONS = ("amazon.aws.", "community.aws.")

# this plugin has the original's name, so the original is loaded by its path
_original = Path(ansible.plugins.action.__file__ or "").parent / "normal.py"
_spec = importlib.util.spec_from_file_location("ansible_core_normal", _original)
assert _spec and _spec.loader
_core: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_core)

OURS = Path(__file__).resolve().parent.parent / "modules"


def importable_name(path: Path) -> str | None:
    """Return the name by which the warm Python imports a module's file; None if it can't."""
    if path.parent == OURS:
        return f"plugins.modules.{path.stem}"
    parts = path.with_suffix("").parts
    if "ansible_collections" not in parts:
        return None
    name = ".".join(parts[parts.index("ansible_collections") :])
    return name if name.startswith(tuple(f"ansible_collections.{prefix}" for prefix in COLLECTIONS)) else None


class ActionModule(_core.ActionModule):
    def run(self, tmp: str | None = None, task_vars: Mapping[str, Any] | None = None) -> dict[str, Any]:
        stack = str((task_vars or {}).get("inventory_hostname", "The stack"))
        if not self._task.check_mode and (message := refusal(self._task.args, stack)):
            return {"failed": True, "msg": message}
        result: dict[str, Any] = super().run(tmp, task_vars)
        return result

    def _configure_module(self, module_name: str, module_args: dict[str, Any], task_vars: Any) -> Any:
        found = self._shared_loader_obj.module_loader.find_plugin_with_context(
            module_name, ".py", collection_list=self._task.collections
        )
        name = importable_name(Path(found.plugin_resolved_path)) if found.resolved else None
        warm = self._connection.transport == "warm_local" and not self._connection.become and not self._task.async_val
        if not (name and warm and self._is_pipelining_enabled("new")):
            return super()._configure_module(module_name, module_args, task_vars)
        encoder = get_module_encoder("legacy", Direction.CONTROLLER_TO_MODULE)
        request = {
            "fqn": name,
            "profile": "legacy",
            "params": json.dumps({"ANSIBLE_MODULE_ARGS": module_args}, cls=encoder),
        }
        data = SimpleNamespace(
            b_module_data=MARK + json.dumps(request).encode(),
            module_style="new",
            shebang="#!python",
            serialization_profile="legacy",
        )
        return data, found.plugin_resolved_path
