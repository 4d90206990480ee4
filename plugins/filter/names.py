"""Names, address blocks and places as AWS takes them."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Ansible imports module_utils for modules only; the rules stand there because modules find by the same ones.
_utils = Path(__file__).resolve().parent.parent / "module_utils"
_names = runpy.run_path(str(_utils / "names.py"))
_places = runpy.run_path(str(_utils / "ownership.py"))
aws_name: Callable[[str, str], str] = _names["aws_name"]
aws_cidr: Callable[[str], str] = _names["aws_cidr"]


def listener_port(protocol: str) -> int:
    """Return the port of the stack's listener for that protocol."""
    return int(_places["PORTS"][protocol])


def rule_priority(purpose: str) -> int:
    """Return the priority of the stack's rule for that purpose."""
    return int(_places["PRIORITIES"][purpose])


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {
            "aws_name": aws_name,
            "aws_cidr": aws_cidr,
            "listener_port": listener_port,
            "rule_priority": rule_priority,
        }
