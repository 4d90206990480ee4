"""Which names of variables are meant for our roles, and which a runner such as AWX or Semaphore adds to every play.

A misspelt name of ours would be silence; a runner's name is no matter of ours.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

from ansible.vars.reserved import get_reserved_names

# Set by Ansible itself for every host and play, in no list that it offers.
MAGIC = get_reserved_names(include_private=True) | {
    "inventory_dir", "inventory_file", "inventory_hostname", "inventory_hostname_short", "playbook_dir", "role_path",
    "group_names", "groups", "hostvars", "omit", "play_hosts", "role_name", "role_names", "role_uuid", "vars", "item",
    "discovered_interpreter_python", "environment", "parent_role_names", "parent_role_paths", "dependent_role_names",
}  # fmt: skip
# Ansible's own, a role's internal ones, and what `stack` found.
OURS_UNDECLARED = ("ansible_", "__", "stack_found")
# What runners give to every play that they start: nobody needs to be told of it.
RUNNERS = ("ansible_", "awx_", "tower_", "semaphore_", "molecule_")
# A short word has many neighbours (`stack` and `slack`), so only a long one counts as a misspelt role.
LONG_ROLE = 7
SHORT_NAME = 10


def strangers(names: Iterable[str], known: Collection[str]) -> list[str]:
    """Names that nobody declared."""
    unknown = (name for name in names if name not in known and name not in MAGIC)
    return sorted(name for name in unknown if not name.startswith(OURS_UNDECLARED))


def misspelt(names: Iterable[str], known: Collection[str], roles: Collection[str]) -> dict[str, str | None]:
    """Names that look like ours and that nobody declared, each with the declared name that it resembles most."""
    ours = [name for name in strangers(names, known) if looks_like_ours(name, known, roles)]
    return {name: nearest(name, known) for name in ours}


def nearest(name: str, known: Collection[str]) -> str | None:
    """The declared name that a name resembles most, if it does."""
    return next(iter(difflib.get_close_matches(name, known, n=1)), None)


def looks_like_ours(name: str, known: Collection[str], roles: Collection[str]) -> bool:
    """Whether a name begins as a role's options do, or differs from a declared one by a slip of the fingers."""
    return begins_like_a_role(name, roles) or any(is_slip(name, one) for one in known)


def begins_like_a_role(name: str, roles: Collection[str]) -> bool:
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
    most = 1 if len(known) < SHORT_NAME else 2
    return abs(len(name) - len(known)) <= most and distance(name, known) <= most


def distance(one: str, other: str) -> int:
    """How many letters were added, left out, changed, or swapped with their neighbour."""
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
