"""The tags of every resource of a stack."""

from __future__ import annotations

import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Ansible imports module_utils for modules only; the rules stand there because modules follow them too.
_rules = runpy.run_path(str(Path(__file__).resolve().parent.parent / "module_utils" / "resource_tags.py"))


def resource_tags(tags: Mapping[str, Any], stack: str) -> dict[str, str]:
    found: dict[str, str] = _rules["resource_tags"](tags, stack)
    return found


def tag_problems(tags: Mapping[str, Any], stack: str) -> list[str]:
    return list(_rules["tag_problems"](tags, stack))


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"resource_tags": resource_tags, "tag_problems": tag_problems}
