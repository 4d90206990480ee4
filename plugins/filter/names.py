"""Names as AWS takes them."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Ansible imports module_utils for modules only; the rule stands there because modules find by the same names.
_rules = runpy.run_path(str(Path(__file__).resolve().parent.parent / "module_utils" / "names.py"))
aws_name: Callable[[str, str], str] = _rules["aws_name"]


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"aws_name": aws_name}
