"""ElastiCache's engine versions and their parameter group families.

https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ParameterGroups.Engine.html. The sandbox's server is a newer
Valkey, whatever is requested: a parameter that a family lacks is refused here, and others get their family's default.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine version that can be requested.

    family: of its parameter groups; version: in full; commands: the open source version whose commands it has
    (ElastiCache's own Redis OSS 7.1 has those of 7.0:
    https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/engine-versions.html#redis-version-7.1).
    """

    family: str
    version: str
    commands: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a family.

    reboot: whether a change waits for a reboot; allowed: "low-high" or "this,that", as in the API.
    """

    default: str
    allowed: str = ""
    data_type: str = "integer"
    reboot: bool = False
    modifiable: bool = True


#: By engine and version (without the last figure), the newest last.
ENGINES = {
    ("redis", "6.2"): Engine("redis6.x", "6.2.6", "6.2"),
    ("redis", "7.0"): Engine("redis7", "7.0.7", "7.0"),
    ("redis", "7.1"): Engine("redis7", "7.1.0", "7.0"),
    ("valkey", "7.2"): Engine("valkey7", "7.2.6", "7.2"),
    ("valkey", "8.0"): Engine("valkey8", "8.0.1", "8.0"),
    ("valkey", "8.1"): Engine("valkey8", "8.1.0", "8.1"),
}
FAMILIES = tuple(dict.fromkeys(engine.family for engine in ENGINES.values()))
POLICIES = "volatile-lru,allkeys-lru,volatile-lfu,allkeys-lfu,volatile-random,allkeys-random,volatile-ttl,noeviction"
RESERVED = "reserved-memory-percent"
MANY = "0-999999999999"

_COMMON: Mapping[str, Parameter] = {
    "activedefrag": Parameter("no", "yes,no", "string", modifiable=False),
    "appendonly": Parameter("no", "yes,no", "string", modifiable=False),
    "databases": Parameter("16", "1-1200000", reboot=True),
    "lfu-decay-time": Parameter("1", MANY),
    "lfu-log-factor": Parameter("10", "1-999999999999"),
    "maxclients": Parameter("65000", modifiable=False),
    "maxmemory-policy": Parameter("volatile-lru", POLICIES, "string"),
    "maxmemory-samples": Parameter("3", "1-999999999999"),
    "notify-keyspace-events": Parameter("", "", "string"),
    "proto-max-bulk-len": Parameter("536870912", "1048576-536870912"),
    RESERVED: Parameter("25", "0-100"),
    "set-max-intset-entries": Parameter("512", MANY),
    "slowlog-log-slower-than": Parameter("10000", "-1-999999999999"),
    "slowlog-max-len": Parameter("128", MANY),
    "tcp-keepalive": Parameter("300", MANY),
    "timeout": Parameter("0", MANY),
}
_BEFORE_7: Mapping[str, Parameter] = {
    "activerehashing": Parameter("yes", "yes,no", "string", reboot=True),  # hidden from 7 on
    "hash-max-ziplist-entries": Parameter("512", MANY),
    "hash-max-ziplist-value": Parameter("64", MANY),
    "zset-max-ziplist-entries": Parameter("128", MANY),
    "zset-max-ziplist-value": Parameter("64", MANY),
}
_FROM_7: Mapping[str, Parameter] = {
    "hash-max-listpack-entries": Parameter("512", MANY),
    "hash-max-listpack-value": Parameter("64", MANY),
    "latency-tracking": Parameter("no", "yes,no", "string"),
    "zset-max-listpack-entries": Parameter("128", MANY),
    "zset-max-listpack-value": Parameter("64", MANY),
}
_BEFORE_8: Mapping[str, Parameter] = {
    "lazyfree-lazy-eviction": Parameter("no", "yes,no", "string"),
    "lazyfree-lazy-expire": Parameter("no", "yes,no", "string"),
    "lazyfree-lazy-server-del": Parameter("no", "yes,no", "string"),
    "lazyfree-lazy-user-del": Parameter("no", "yes,no", "string"),
}
_FROM_8: Mapping[str, Parameter] = {
    "extended-redis-compatibility": Parameter("yes", "yes,no", "string"),
    "maxmemory-samples": Parameter("3", "1-64"),
}
CATALOGUES: Mapping[str, Mapping[str, Parameter]] = {
    "redis6.x": {**_COMMON, **_BEFORE_7, **_BEFORE_8},
    "redis7": {**_COMMON, **_FROM_7, **_BEFORE_8},
    "valkey7": {**_COMMON, **_FROM_7, **_BEFORE_8},
    "valkey8": {**_COMMON, **_FROM_7, **_FROM_8},
}
#: What the server is told for every family that doesn't say it: to answer as the Redis OSS that clients expect.
_HIDDEN = {"extended-redis-compatibility": "yes"}
#: GiB of the node types' memory
#: (https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/CacheNodes.SupportedTypes.html)
MEMORY = {"micro": 0.5, "small": 1.37, "medium": 3.09, "large": 6.38, "xlarge": 12.93}


def engine(name: str, version: str | None) -> Engine | None:
    """Return the newest engine of a name and version (7.1, 7.x, 7 or None); None if there is none."""
    asked = (version or "").removesuffix(".x").split(".")[:2]
    for (known, short), found in reversed(ENGINES.items()):
        if known == name and (not version or short.split(".")[: len(asked)] == asked):
            return found
    return None


def in_force(family: str, chosen: Mapping[str, str], node_type: str) -> dict[str, str]:
    """Return the parameters of such a node's server: the family's defaults, the chosen ones, and its memory."""
    defaults = {name: one.default for name, one in CATALOGUES[family].items() if one.modifiable}
    values = _HIDDEN | defaults | dict(chosen)
    size = node_type.split(".")[2]
    times = re.fullmatch(r"(\d+)xlarge", size)
    gib = int(times[1]) * MEMORY["xlarge"] if times else MEMORY[size]
    usable = int(gib * 2**30 * (100 - int(values.pop(RESERVED))) / 100)
    return {**values, "maxmemory": str(usable)}


def waits(name: str) -> bool:
    """Return whether a change of that parameter waits for a reboot."""
    return any(catalogue[name].reboot for catalogue in CATALOGUES.values() if name in catalogue)


def parameter_error(family: str, name: str, value: str) -> str | None:
    """Return why a parameter can't have that value in a group of that family, or None."""
    known = CATALOGUES[family].get(name)
    if known is None:
        return f"Parameter {name} is invalid or not supported by the family {family}."
    if not known.modifiable:
        return f"The parameter {name} cannot be modified."
    bounds = re.fullmatch(r"(-?\d+)-(\d+)", known.allowed)
    if bounds:
        number = re.fullmatch(r"-?\d+", value)
        accepted = bool(number) and int(bounds[1]) <= int(value) <= int(bounds[2])
    else:
        accepted = not known.allowed or value in known.allowed.split(",")
    return None if accepted else f"The parameter {name} has an invalid value {value}: {known.allowed}"
