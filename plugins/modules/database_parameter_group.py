#!/usr/bin/python
"""Own module because amazon.aws.rds_instance_param_group overlooks changed parameters in check mode and drops its errors."""

from __future__ import annotations

DOCUMENTATION = r"""
module: database_parameter_group
short_description: The parameters of an RDS database
description:
  - Creates, updates or deletes a DB parameter group. Parameters that are not named go back to the family's defaults.
  - Dynamic parameters work at once. Static ones work after the next reboot, which this module never does.
options:
  name: {description: Name, type: str, required: true}
  family: {description: "Family, such as postgres17. Can't change", type: str}
  description: {description: What it is for. Can't change, type: str, default: Managed by Ansible}
  parameters: {description: Parameters that differ from the family's defaults, type: dict, default: {}}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules, resource.state, resource.tags]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Create the parameter group
  database_parameter_group:
    name: campshub360-tier1
    family: postgres17
    parameters: {rds.force_ssl: "1"}
"""

RETURN = r"""
resource: {description: "The parameter group, with its arn", type: dict, returned: success}
"""

from collections.abc import Iterator

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.errors import unless_missing
from ops.aws.resource import STATE_OPTION, TAGS_OPTION, Resource, State, run
from ops.aws.tagging import tag_by_name
from ops.aws.tags import aws_texts, tags_from, tags_to

MISSING = ("DBParameterGroupNotFound", "DBParameterGroupNotFoundFault")
PARAMETERS_A_CALL = 20  # what one ModifyDBParameterGroup or ResetDBParameterGroup takes


def settings(parameters: dict[str, str], dynamic: set[str]) -> list[State]:
    """Return parameters as AWS takes them; it refuses to apply a static one at once."""
    return [
        {
            "ParameterName": name,
            "ParameterValue": value,
            "ApplyMethod": "immediate" if name in dynamic else "pending-reboot",
        }
        for name, value in sorted(parameters.items())
    ]


def batches(items: list[State]) -> Iterator[list[State]]:
    return (items[start : start + PARAMETERS_A_CALL] for start in range(0, len(items), PARAMETERS_A_CALL))


class DatabaseParameterGroup(Resource):
    noun = "database parameter group"
    retryable_errors = ("InvalidDBParameterGroupState",)  # used by a database that is gone

    def __init__(self, module: AnsibleAWSModule) -> None:
        super().__init__(module)
        self.rds = module.client("rds")

    def read(self) -> State | None:
        self.refuse_booleans()
        answer = unless_missing(MISSING, self.rds.describe_db_parameter_groups, DBParameterGroupName=self.name)
        if answer is None:
            return None
        group = answer["DBParameterGroups"][0]
        arn = group["DBParameterGroupArn"]
        return {
            "arn": arn,
            "family": group["DBParameterGroupFamily"],
            "description": group["Description"],
            "parameters": self.parameters(),
            "tags": tags_from(self.rds.list_tags_for_resource(ResourceName=arn)["TagList"]),
        }

    def parameters(self) -> dict[str, str]:
        """Return the values that the group sets. AWS does not list a desired value as the user's if it is the default too.

        https://github.com/hashicorp/terraform-provider-aws/issues/23335
        """
        desired = self.params["parameters"]
        mine = [one for one in self.listed() if one["Source"] == "user" or one["ParameterName"] in desired]
        return {one["ParameterName"]: one["ParameterValue"] for one in mine if "ParameterValue" in one}

    def listed(self, **request: str) -> list[State]:
        pages = self.rds.get_paginator("describe_db_parameters").paginate(DBParameterGroupName=self.name, **request)
        return [item for page in pages for item in page["Parameters"]]

    def desired(self, found: State | None) -> State:
        return {
            "family": self.params["family"],
            "description": self.params["description"],
            "parameters": aws_texts(self.params["parameters"]),
            "tags": self.params["tags"],
        }

    def refuse_booleans(self) -> None:
        """Fail if a value is true or false: of some parameters AWS takes 0 and 1, of others on and off."""
        if names := [name for name, value in self.params["parameters"].items() if isinstance(value, bool)]:
            self.fail(
                f"The value of {', '.join(names)} is true or false, as YAML reads on, off, yes and no. Nothing was touched. "
                'Put what PostgreSQL\'s parameter takes into quotes: "on" and "off", or "1" and "0".'
            )

    def create(self, desired: State) -> None:
        self.rds.create_db_parameter_group(
            DBParameterGroupName=self.name,
            DBParameterGroupFamily=desired["family"],
            Description=desired["description"],
            Tags=tags_to(desired["tags"]),
        )
        self.set_parameters({}, desired["parameters"])

    def refusal(self, found: State, changes: State) -> str | None:
        if not (fixed := {"family", "description"} & changes.keys()):
            return None
        return (
            f"The parameter group {self.name} can't change its {' and '.join(sorted(fixed))}: AWS fixes them at "
            "creation. Go back to the former value; a new major version of the engine takes an upgrade."
        )

    def update(self, found: State, changes: State) -> None:
        if "parameters" in changes:
            self.set_parameters(found["parameters"], changes["parameters"])
        if "tags" in changes:
            tag_by_name(self.rds, found["arn"], found["tags"], changes["tags"])

    def set_parameters(self, found: dict[str, str], desired: dict[str, str]) -> None:
        dynamic = {item["ParameterName"] for item in self.listed() if item.get("ApplyType") == "dynamic"}
        different = {name: value for name, value in desired.items() if found.get(name) != value}
        for batch in batches(settings(different, dynamic)):
            self.rds.modify_db_parameter_group(DBParameterGroupName=self.name, Parameters=batch)
        surplus = {name: value for name, value in found.items() if name not in desired}
        for batch in batches(settings(surplus, dynamic)):
            reset = [{key: item[key] for key in ("ParameterName", "ApplyMethod")} for item in batch]
            self.rds.reset_db_parameter_group(
                DBParameterGroupName=self.name, Parameters=reset, ResetAllParameters=False
            )

    def delete(self, found: State) -> None:
        self.retry(self.rds.delete_db_parameter_group, DBParameterGroupName=self.name)


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "family": {},
            "description": {"default": "Managed by Ansible"},
            "parameters": {"type": "dict", "default": {}},
            **TAGS_OPTION,
            **STATE_OPTION,
        },
        required_if=[("state", "present", ["family"])],
        supports_check_mode=True,
    )
    run(DatabaseParameterGroup(module))


if __name__ == "__main__":
    main()
