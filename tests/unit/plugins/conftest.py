"""Our modules are imported as Ansible runs them: module_utils as part of ansible's own package."""

from __future__ import annotations

from pathlib import Path

import ansible.module_utils

PLUGINS = Path(__file__).parents[3] / "plugins"

if str(PLUGINS / "module_utils") not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(str(PLUGINS / "module_utils"))
