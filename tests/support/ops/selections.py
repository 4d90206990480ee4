"""Print the refusals of the callback `command_line`: reads [[playbook, selection], ...] as JSON, a list for each.

A process of its own, since Ansible changes how Python imports when it loads a playbook.
"""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path

from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.playbook import Playbook
from ansible.plugins.loader import init_plugin_loader
from ansible.vars.manager import VariableManager

from plugins.callback.command_line import ALWAYS, Selection, Task, refusals, tasks_of


@cache
def tasks(path: str) -> list[Task]:
    loader = DataLoader()
    loader.set_basedir(str(Path(path).parent))
    variables = VariableManager(loader=loader, inventory=InventoryManager(loader=loader, sources=["here,"]))
    found = Playbook.load(path, variable_manager=variables, loader=loader)
    return [task for play in found.get_plays() for task in tasks_of(play.compile())]


def answer(path: str, selection: dict[str, str] | None) -> list[str]:
    """Return the refusals to a selection; without one, the playbook's tags."""
    if selection is None:
        return sorted({tag for task in tasks(path) for tag in task.tags} - {ALWAYS})
    split = {option: tuple(value.split(",")) for option, value in selection.items() if option.endswith("tags")}
    return refusals(tasks(path), Selection(**split, start_at=selection.get("start_at")))


if __name__ == "__main__":
    init_plugin_loader()
    json.dump([answer(path, selection) for path, selection in json.load(sys.stdin)], sys.stdout)
