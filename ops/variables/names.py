"""Names of variables: those meant for our roles, and those that a runner such as AWX or Semaphore adds to every play.

A misspelt name of ours would be ignored silently, so it is refused; a runner's name is left alone.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

from ansible.vars.reserved import get_reserved_names

# Set by Ansible itself for every host and play; it offers no complete list.
MAGIC = get_reserved_names(include_private=True) | {
    "inventory_dir", "inventory_file", "inventory_hostname", "inventory_hostname_short", "playbook_dir", "role_path",
    "group_names", "groups", "hostvars", "omit", "play_hosts", "role_name", "role_names", "role_uuid", "vars", "item",
    "discovered_interpreter_python", "environment", "parent_role_names", "parent_role_paths", "dependent_role_names",
}  # fmt: skip
# Ansible's own, a role's internal ones, and what `stack` found.
OURS_UNDECLARED = ("ansible_", "__", "stack_found")
# Prefixes of variables that runners add to every play.
RUNNERS = ("ansible_", "awx_", "tower_", "semaphore_", "molecule_")
# A short word resembles many (`stack` and `slack`), so only a long one counts as a misspelt role.
LONG_ROLE = 7
SHORT_NAME = 10


def strangers(names: Iterable[str], known: Collection[str]) -> list[str]:
    """Return the names that nobody declared."""
    unknown = (name for name in names if name not in known and name not in MAGIC)
    return sorted(name for name in unknown if not name.startswith(OURS_UNDECLARED))


def misspelt(names: Iterable[str], known: Collection[str], roles: Collection[str]) -> dict[str, str | None]:
    """Return undeclared names that resemble ours, each with the declared name that it resembles most."""
    ours = [name for name in strangers(names, known) if looks_like_ours(name, known, roles)]
    return {name: nearest(name, known) for name in ours}


def nearest(name: str, known: Collection[str]) -> str | None:
    """Return the declared name that a name resembles most; None if it resembles none."""
    return next(iter(difflib.get_close_matches(name, known, n=1)), None)


def looks_like_ours(name: str, known: Collection[str], roles: Collection[str]) -> bool:
    """Return whether a name begins like a role's options, or differs from a declared one by a typing error."""
    return begins_like_a_role(name, roles) or any(is_slip(name, one) for one in known)


def begins_like_a_role(name: str, roles: Collection[str]) -> bool:
    """Return whether a name begins with a role's name, or with one that is misspelt by one letter."""
    for role in roles:
        words = role.count("_") + 1
        begins = "_".join(name.split("_")[:words])
        if begins == name:
            continue  # nothing follows it
        if begins == role:
            return True
        one_of_many = {begins, role} in ({role, f"{role}s"}, {begins, f"{begins}s"})
        if len(role) >= LONG_ROLE and not one_of_many and distance(begins, role) == 1:
            return True
    return False


def is_slip(name: str, known: str) -> bool:
    """Return whether a name differs from a declared one by a typing error: two letters, in short names one."""
    most = 1 if len(known) < SHORT_NAME else 2
    return abs(len(name) - len(known)) <= most and distance(name, known) <= most


def distance(one: str, other: str) -> int:
    """Return how many letters were added, left out, changed, or swapped with their neighbour (edit distance)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, desired in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != desired))
            if last and j > 1 and letter == other[j - 2] and one[i - 2] == desired:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
