"""Cache parameter groups, which moto lacks, with the parameters that the sandbox's Redis knows.

https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ParameterGroups.Engine.html; pages named
API_*.html are those of https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.elasticache.exceptions import ElastiCacheException
from moto.elasticache.models import ElastiCacheBackend
from moto.elasticache.responses import ElastiCacheResponse

from sandbox.api.mend import operation
from sandbox.api.pages import page

#: Engine and version (without the last figure) -> family and full version.
FAMILIES = {
    ("redis", "6.2"): ("redis6.x", "6.2.6"),
    ("redis", "7.0"): ("redis7", "7.0.7"),
    ("redis", "7.1"): ("redis7", "7.1.0"),
    ("valkey", "7.2"): ("valkey7", "7.2.6"),
    ("valkey", "8.0"): ("valkey8", "8.0.1"),
    ("valkey", "8.1"): ("valkey8", "8.1.0"),
}
AT_ONCE = 20
POLICIES = "volatile-lru,allkeys-lru,volatile-lfu,allkeys-lfu,volatile-random,allkeys-random,volatile-ttl,noeviction"
RESERVED = "reserved-memory-percent"


@dataclass(frozen=True, slots=True)
class Parameter:
    """reboot: whether a change waits for one; allowed as in the API: "low-high" or "this,that"."""

    default: str
    allowed: str = ""
    data_type: str = "integer"
    reboot: bool = False
    modifiable: bool = True


CATALOGUE: Mapping[str, Parameter] = {
    "activedefrag": Parameter("no", "yes,no", "string", modifiable=False),
    "activerehashing": Parameter("yes", "yes,no", "string", reboot=True),
    "appendonly": Parameter("no", "yes,no", "string", modifiable=False),
    "databases": Parameter("16", "1-1200000", reboot=True),
    "hash-max-listpack-entries": Parameter("512", "0-999999999999"),
    "hash-max-listpack-value": Parameter("64", "0-999999999999"),
    "lazyfree-lazy-eviction": Parameter("yes", "yes,no", "string"),
    "lazyfree-lazy-expire": Parameter("yes", "yes,no", "string"),
    "lazyfree-lazy-server-del": Parameter("yes", "yes,no", "string"),
    "lfu-decay-time": Parameter("1", "0-999999999999"),
    "lfu-log-factor": Parameter("10", "1-999999999999"),
    "maxclients": Parameter("65000", modifiable=False),
    "maxmemory-policy": Parameter("volatile-lru", POLICIES, "string"),
    "maxmemory-samples": Parameter("3", "1-999999999999"),
    "notify-keyspace-events": Parameter("", "", "string"),
    "proto-max-bulk-len": Parameter("536870912", "1048576-536870912"),
    RESERVED: Parameter("25", "0-100"),
    "set-max-intset-entries": Parameter("512", "0-999999999999"),
    "slowlog-log-slower-than": Parameter("10000", "-1-999999999999"),
    "slowlog-max-len": Parameter("128", "0-999999999999"),
    "tcp-keepalive": Parameter("300", "0-999999999999"),
    "timeout": Parameter("0", "0-999999999999"),
    "zset-max-listpack-entries": Parameter("128", "0-999999999999"),
    "zset-max-listpack-value": Parameter("64", "0-999999999999"),
}
#: GiB of the node types' memory
#: (https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/CacheNodes.SupportedTypes.html)
MEMORY = {"micro": 0.5, "small": 1.37, "medium": 3.09, "large": 6.38, "xlarge": 12.93}


@dataclass(slots=True)
class ParameterGroup:
    """A cache parameter group and the values it sets."""

    cache_parameter_group_name: str
    cache_parameter_group_family: str
    description: str
    arn: str
    is_global: bool = False
    values: dict[str, str] = field(default_factory=dict)


def install() -> None:
    """Attach the operations."""
    for mend in (
        create_cache_parameter_group,
        describe_cache_parameter_groups,
        describe_cache_parameters,
        modify_cache_parameter_group,
        reset_cache_parameter_group,
        delete_cache_parameter_group,
    ):
        operation(ElastiCacheResponse)(mend)


def groups(backend: ElastiCacheBackend) -> dict[str, ParameterGroup]:
    """All groups by name, default ones included."""
    found: dict[str, ParameterGroup] = vars(backend).setdefault("cache_parameter_groups", {})
    for family in dict.fromkeys(family for family, _ in FAMILIES.values()):
        name = f"default.{family}"
        if name not in found:
            text = f"Default parameter group for {family}"
            found[name] = ParameterGroup(name, family, text, _arn(backend, name))
    return found


def find(backend: ElastiCacheBackend, name: str) -> ParameterGroup:
    """The group of that name."""
    try:
        return groups(backend)[name.lower()]
    except KeyError:
        message = f"CacheParameterGroup {name} not found."
        raise ElastiCacheException("CacheParameterGroupNotFound", message) from None


def in_force(chosen: Mapping[str, str], node_type: str) -> dict[str, str]:
    """What the Redis of such a node is told, in the words of Redis 6.2."""
    values = {name: one.default for name, one in CATALOGUE.items() if one.modifiable} | dict(chosen)
    size = node_type.split(".")[2]
    times = re.fullmatch(r"(\d+)xlarge", size)
    gib = int(times[1]) * MEMORY["xlarge"] if times else MEMORY[size]
    usable = int(gib * 2**30 * (100 - int(values.pop(RESERVED))) / 100)
    renamed = {name.replace("listpack", "ziplist"): value for name, value in values.items()}
    return {**renamed, "maxmemory": str(usable)}


def waits(name: str) -> bool:
    """Whether a change of that (Redis) parameter waits for a reboot."""
    return name in CATALOGUE and CATALOGUE[name].reboot


def create_cache_parameter_group(self: ElastiCacheResponse) -> ActionResult:
    """API_CreateCacheParameterGroup.html"""
    backend, given = self.elasticache_backend, self.params
    name, family = given["CacheParameterGroupName"].lower(), given["CacheParameterGroupFamily"]
    if name in groups(backend):
        message = f"Parameter group {name} already exists"
        raise ElastiCacheException("CacheParameterGroupAlreadyExists", message)
    if family not in {known for known, _ in FAMILIES.values()}:
        message = f"CacheParameterGroupFamily {family} is not a valid parameter group family."
        raise ElastiCacheException("InvalidParameterValue", message)
    group = ParameterGroup(name, family, given["Description"], _arn(backend, name))
    groups(backend)[name] = group
    backend.tagging_service.tag_resource(group.arn, given.get("Tags", []))
    return ActionResult({"CacheParameterGroup": group})


def describe_cache_parameter_groups(self: ElastiCacheResponse) -> ActionResult:
    """API_DescribeCacheParameterGroups.html"""
    name = self.params.get("CacheParameterGroupName")
    backend = self.elasticache_backend
    found = [find(backend, name)] if name else list(groups(backend).values())
    return page("CacheParameterGroups", found, self.params)


def describe_cache_parameters(self: ElastiCacheResponse) -> ActionResult:
    """API_DescribeCacheParameters.html"""
    group = find(self.elasticache_backend, self.params["CacheParameterGroupName"])
    source = self.params.get("Source")
    rows = [_row(name, one, group) for name, one in CATALOGUE.items()]
    return page("Parameters", [r for r in rows if source in (None, r["Source"])], self.params)


def modify_cache_parameter_group(self: ElastiCacheResponse) -> ActionResult:
    """API_ModifyCacheParameterGroup.html"""
    group = _own(self, self.params["CacheParameterGroupName"])
    given = {one["ParameterName"]: one.get("ParameterValue", "") for one in self.params["ParameterNameValues"]}
    if len(given) > AT_ONCE:
        raise ElastiCacheException("InvalidParameterValue", f"At most {AT_ONCE} parameters.")
    for name, value in given.items():
        _check(name, value)
    group.values.update(given)
    return ActionResult({"CacheParameterGroupName": group.cache_parameter_group_name})


def reset_cache_parameter_group(self: ElastiCacheResponse) -> ActionResult:
    """API_ResetCacheParameterGroup.html"""
    group = _own(self, self.params["CacheParameterGroupName"])
    named = [one["ParameterName"] for one in self.params.get("ParameterNameValues", [])]
    for name in list(group.values) if self.params.get("ResetAllParameters") else named:
        group.values.pop(name, None)
    return ActionResult({"CacheParameterGroupName": group.cache_parameter_group_name})


def delete_cache_parameter_group(self: ElastiCacheResponse) -> ActionResult:
    """Not while a cluster uses it. API_DeleteCacheParameterGroup.html"""
    group = _own(self, self.params["CacheParameterGroupName"])
    name = group.cache_parameter_group_name
    if any(used == name for used in _used(self.elasticache_backend)):
        message = f"One or more cache clusters are still members of this parameter group {name}."
        raise ElastiCacheException("InvalidCacheParameterGroupState", message)
    del groups(self.elasticache_backend)[name]
    return EmptyResult()


def _used(backend: Any) -> Iterator[str]:
    return (group.parameter_group for group in backend.replication_groups.values())


def _own(response: ElastiCacheResponse, name: str) -> ParameterGroup:
    group = find(response.elasticache_backend, name)
    if group.cache_parameter_group_name.startswith("default."):
        message = f"The parameter group {name} cannot be modified: it is a default one."
        raise ElastiCacheException("InvalidCacheParameterGroupState", message)
    return group


def _check(name: str, value: str) -> None:
    known = CATALOGUE.get(name)
    if known is None:
        message = f"Parameter {name} is invalid or not supported."
        raise ElastiCacheException("InvalidParameterValue", message)
    if not known.modifiable:
        message = f"The parameter {name} cannot be modified."
        raise ElastiCacheException("InvalidParameterValue", message)
    bounds = re.fullmatch(r"(-?\d+)-(\d+)", known.allowed)
    if bounds:
        number = re.fullmatch(r"-?\d+", value)
        accepted = bool(number) and int(bounds[1]) <= int(value) <= int(bounds[2])
    else:
        accepted = not known.allowed or value in known.allowed.split(",")
    if not accepted:
        message = f"The parameter {name} has an invalid value {value}: {known.allowed}"
        raise ElastiCacheException("InvalidParameterValue", message)


def _row(name: str, known: Parameter, group: ParameterGroup) -> dict[str, Any]:
    return {
        "ParameterName": name,
        "ParameterValue": group.values.get(name, known.default),
        "Source": "user" if name in group.values else "system",
        "DataType": known.data_type,
        "AllowedValues": known.allowed,
        "IsModifiable": known.modifiable,
        "ChangeType": "requires-reboot" if known.reboot else "immediate",
    }


def _arn(backend: ElastiCacheBackend, name: str) -> str:
    place = f"{backend.region_name}:{backend.account_id}"
    return f"arn:aws:elasticache:{place}:parametergroup:{name}"
