"""Parameter groups that keep their parameters and the source of each.

Pages named API_*.html are those of https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from moto.core.responses import ActionResult
from moto.rds.exceptions import DBParameterGroupNotFoundError, RDSClientError
from moto.rds.models import DBParameterGroup, RDSBackend
from moto.rds.responses import RDSResponse

from sandbox.aws_api.pages import page
from sandbox.aws_api.patch import behaviour, operation
from sandbox.services.rds.parameters import FAMILY, Parameter, catalogue

DEFAULT = f"default.{FAMILY}"
AT_ONCE = 20  # parameters in one ModifyDBParameterGroup


def install() -> None:
    """Attach the patches of parameter groups."""
    behaviour(RDSBackend)(create_db_parameter_group)
    behaviour(RDSBackend)(describe_db_parameter_groups)
    for patch in (
        describe_db_parameters,
        modify_db_parameter_group,
        reset_db_parameter_group,
        delete_db_parameter_group,
    ):
        operation(RDSResponse)(patch)


def find(backend: RDSBackend, name: str) -> DBParameterGroup:
    """Return the group of that name; the default group always exists."""
    if name == DEFAULT and DEFAULT not in backend.db_parameter_groups:
        backend.db_parameter_groups[DEFAULT] = DBParameterGroup(
            backend, DEFAULT, f"Default parameter group for {FAMILY}", FAMILY
        )
    if name not in backend.db_parameter_groups:
        raise DBParameterGroupNotFoundError(name)
    return backend.db_parameter_groups[name]


def chosen(group: DBParameterGroup) -> dict[str, str]:
    """Return the values that the group sets, by name."""
    return {name: one["ParameterValue"] for name, one in group.parameters.items()}


def waiting(group: DBParameterGroup) -> set[str]:
    """Return the names of parameters that were set to take effect at a reboot."""
    return {n for n, one in group.parameters.items() if one["ApplyMethod"] == "pending-reboot"}


def create_db_parameter_group(original: Any, self: Any, kwargs: Any) -> DBParameterGroup:
    """Create a group; refuse a family that doesn't exist. API_CreateDBParameterGroup.html"""
    family = kwargs.get("db_parameter_group_family")
    if family and family != FAMILY:
        message = f"ParameterGroupFamily {family} is not a valid parameter group family"
        raise RDSClientError("InvalidParameterValue", f"{message} (here: {FAMILY})")
    group: DBParameterGroup = original(kwargs)
    return group


def describe_db_parameter_groups(original: Any, self: Any, kwargs: Any) -> list[DBParameterGroup]:
    """Describe groups; a missing one is DBParameterGroupNotFound. API_DescribeDBParameterGroups.html"""
    find(self, DEFAULT)
    name = kwargs.get("db_parameter_group_name")
    return [find(self, name.lower())] if name else original(kwargs)


def describe_db_parameters(self: RDSResponse) -> ActionResult:
    """Describe all parameters of the family; Source=user if the group sets another value than the default.

    API_DescribeDBParameters.html does not say it of the others; people who manage such a group saw it:
    https://github.com/hashicorp/terraform-provider-aws/issues/23335
    """
    group = find(self.backend, self.params["DBParameterGroupName"].lower())
    rows = [_row(one, group.parameters.get(one.name)) for one in catalogue().values()]
    source = self.params.get("Source")
    return page("Parameters", [r for r in rows if source in (None, r["Source"])], self.params)


def modify_db_parameter_group(self: RDSResponse) -> ActionResult:
    """Set parameters; values are checked, and a static parameter can't be applied at once.

    API_ModifyDBParameterGroup.html
    """
    group = _own(self.backend, self.params["DBParameterGroupName"])
    given = [dict(one.original_dict()) for one in self.params.get("Parameters", [])]
    if len(given) > AT_ONCE:
        raise RDSClientError("InvalidParameterValue", f"At most {AT_ONCE} parameters at once.")
    for one in given:
        _check(one)
    group.parameters.update({one["ParameterName"]: one for one in given})
    _announce(self.backend, group)
    return ActionResult({"DBParameterGroupName": group.name})


def reset_db_parameter_group(self: RDSResponse) -> ActionResult:
    """Reset the given parameters; all of them with ResetAllParameters, or if none is given.

    The page gives true as its default, beside a list of parameters "to reset specific" ones. Pass false with a list:
    then both readings mean the same. API_ResetDBParameterGroup.html
    """
    group = _own(self.backend, self.params["DBParameterGroupName"])
    named = [dict(one.original_dict()) for one in self.params.get("Parameters", [])]
    if len(named) > AT_ONCE:
        raise RDSClientError("InvalidParameterValue", f"At most {AT_ONCE} parameters at once.")
    for one in named:
        _known(one)
    every = self.params.get("ResetAllParameters", not named)
    for name in list(group.parameters) if every else [one["ParameterName"] for one in named]:
        group.parameters.pop(name, None)
    _announce(self.backend, group)
    return ActionResult({"DBParameterGroupName": group.name})


def delete_db_parameter_group(self: RDSResponse) -> ActionResult:
    """Delete a group; refuse a default one, and one that an instance uses. API_DeleteDBParameterGroup.html"""
    group = _own(self.backend, self.params["DBParameterGroupName"])
    if any(True for _ in _members(self.backend, group)):
        raise RDSClientError(
            "InvalidDBParameterGroupState",
            "One or more database instances are still members of this parameter group "
            f"{group.name}, so the group cannot be deleted",
        )
    del self.backend.db_parameter_groups[group.name]
    return ActionResult({})


def _own(backend: RDSBackend, name: str) -> DBParameterGroup:
    group = find(backend, name.lower())
    if group.name.startswith("default."):
        raise RDSClientError("InvalidParameterValue", "The parameter DBParameterGroupName is a default group.")
    return group


def _members(backend: RDSBackend, group: DBParameterGroup) -> Iterator[Any]:
    return (d for d in backend.databases.values() if d.db_parameter_group_name == group.name)


def _announce(backend: RDSBackend, group: DBParameterGroup) -> None:
    for instance in _members(backend, group):
        instance.parameter_apply_status = "applying"


def _known(given: Mapping[str, str]) -> Parameter:
    """Return the parameter that is to be set or reset in that way."""
    name, method = given.get("ParameterName", ""), given.get("ApplyMethod")
    known = catalogue().get(name)
    if known is None:
        raise RDSClientError("InvalidParameterValue", f"Could not find parameter with name: {name}")
    if not known.modifiable:
        raise RDSClientError("InvalidParameterValue", f"The parameter {name} cannot be modified.")
    if method not in ("immediate", "pending-reboot"):
        message = f"ApplyMethod of {name} must be immediate or pending-reboot"
        raise RDSClientError("InvalidParameterValue", message)
    if known.static and method == "immediate":
        message = "cannot use immediate apply method for static parameter"
        raise RDSClientError("InvalidParameterCombination", message)
    return known


def _check(given: Mapping[str, str]) -> None:
    known, value = _known(given), given.get("ParameterValue", "")
    if not known.accepts(value):
        message = f"Invalid parameter value: {value} for: {known.name} allowed values are: "
        raise RDSClientError("InvalidParameterValue", message + known.allowed)


def _row(known: Parameter, given: Mapping[str, str] | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "ParameterName": known.name,
        "DataType": known.data_type,
        "ApplyType": known.apply_type,
        "IsModifiable": known.modifiable,
        "AllowedValues": known.allowed or None,
        "ParameterValue": known.default or None,
        "Source": "system" if known.default else "engine-default",
        "ApplyMethod": "pending-reboot",
    }
    if given and given["ParameterValue"] == row["ParameterValue"]:
        return {**given, **row}
    return {**row, **given, "Source": "user"} if given else row
