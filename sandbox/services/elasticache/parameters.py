"""Cache parameter groups, which moto lacks.

Pages named API_*.html are those of https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.elasticache.exceptions import ElastiCacheException
from moto.elasticache.models import ElastiCacheBackend
from moto.elasticache.responses import ElastiCacheResponse

from sandbox.aws_api.pages import page
from sandbox.aws_api.patch import operation
from sandbox.services.elasticache import families
from sandbox.services.elasticache.families import Parameter

AT_ONCE = 20


@dataclass(slots=True)
class ParameterGroup:
    """A cache parameter group and the values that it sets."""

    cache_parameter_group_name: str
    cache_parameter_group_family: str
    description: str
    arn: str
    is_global: bool = False
    values: dict[str, str] = field(default_factory=dict)


def install() -> None:
    """Attach the operations on parameter groups."""
    for patch in (
        create_cache_parameter_group,
        describe_cache_parameter_groups,
        describe_cache_parameters,
        modify_cache_parameter_group,
        reset_cache_parameter_group,
        delete_cache_parameter_group,
    ):
        operation(ElastiCacheResponse)(patch)


def groups(backend: ElastiCacheBackend) -> dict[str, ParameterGroup]:
    """Return all groups by name, default ones included."""
    found: dict[str, ParameterGroup] = vars(backend).setdefault("cache_parameter_groups", {})
    for family in families.FAMILIES:
        name = f"default.{family}"
        if name not in found:
            text = f"Default parameter group for {family}"
            found[name] = ParameterGroup(name, family, text, _arn(backend, name))
    return found


def find(backend: ElastiCacheBackend, name: str) -> ParameterGroup:
    """Return the group of that name."""
    try:
        return groups(backend)[name.lower()]
    except KeyError:
        message = f"CacheParameterGroup {name} not found."
        raise ElastiCacheException("CacheParameterGroupNotFound", message) from None


def create_cache_parameter_group(self: ElastiCacheResponse) -> ActionResult:
    """Create a parameter group. API_CreateCacheParameterGroup.html"""
    backend, given = self.elasticache_backend, self.params
    name, family = given["CacheParameterGroupName"].lower(), given["CacheParameterGroupFamily"]
    if name in groups(backend):
        message = f"Parameter group {name} already exists"
        raise ElastiCacheException("CacheParameterGroupAlreadyExists", message)
    if family not in families.FAMILIES:
        message = f"CacheParameterGroupFamily {family} is not a valid parameter group family."
        raise ElastiCacheException("InvalidParameterValue", message)
    group = ParameterGroup(name, family, given["Description"], _arn(backend, name))
    groups(backend)[name] = group
    backend.tagging_service.tag_resource(group.arn, given.get("Tags", []))
    return ActionResult({"CacheParameterGroup": group})


def describe_cache_parameter_groups(self: ElastiCacheResponse) -> ActionResult:
    """Describe parameter groups. API_DescribeCacheParameterGroups.html"""
    name = self.params.get("CacheParameterGroupName")
    backend = self.elasticache_backend
    found = [find(backend, name)] if name else list(groups(backend).values())
    return page("CacheParameterGroups", found, self.params)


def describe_cache_parameters(self: ElastiCacheResponse) -> ActionResult:
    """Describe the parameters of a group. API_DescribeCacheParameters.html"""
    group = find(self.elasticache_backend, self.params["CacheParameterGroupName"])
    source = self.params.get("Source")
    known = families.CATALOGUES[group.cache_parameter_group_family]
    rows = [_row(name, one, group) for name, one in known.items()]
    return page("Parameters", [r for r in rows if source in (None, r["Source"])], self.params)


def modify_cache_parameter_group(self: ElastiCacheResponse) -> ActionResult:
    """Set parameters of a group. API_ModifyCacheParameterGroup.html"""
    group = _own(self, self.params["CacheParameterGroupName"])
    given = {one["ParameterName"]: one.get("ParameterValue", "") for one in self.params["ParameterNameValues"]}
    if len(given) > AT_ONCE:
        raise ElastiCacheException("InvalidParameterValue", f"At most {AT_ONCE} parameters.")
    for name, value in given.items():
        if message := families.parameter_error(group.cache_parameter_group_family, name, value):
            raise ElastiCacheException("InvalidParameterValue", message)
    group.values.update(given)
    return ActionResult({"CacheParameterGroupName": group.cache_parameter_group_name})


def reset_cache_parameter_group(self: ElastiCacheResponse) -> ActionResult:
    """Reset parameters of a group to their defaults. API_ResetCacheParameterGroup.html"""
    group = _own(self, self.params["CacheParameterGroupName"])
    named = [one["ParameterName"] for one in self.params.get("ParameterNameValues", [])]
    for name in list(group.values) if self.params.get("ResetAllParameters") else named:
        group.values.pop(name, None)
    return ActionResult({"CacheParameterGroupName": group.cache_parameter_group_name})


def delete_cache_parameter_group(self: ElastiCacheResponse) -> ActionResult:
    """Delete a parameter group; refuse while a cluster uses it. API_DeleteCacheParameterGroup.html"""
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
