"""Our own modules: each says why it exists, documents what it takes, plans without writing, and knows AWS's names."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import botocore.session
import yaml
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from botocore import xform_name

from tests.contract.files import Yaml, files
from tests.contract.rule import Broken, rule

COMPARED = ("type", "required", "default", "choices", "elements")
ASSUMED = {"type": "str", "required": False}
WHY = "Own module because "


def module_files(root: Path) -> list[Path]:
    return [path for path in files(root, "plugins/modules") if path.suffix == ".py" and path.stem != "__init__"]


class _CalledError(Exception):
    """What a module's main() asked Ansible for."""

    def __init__(self, arguments: Yaml) -> None:
        super().__init__()
        self.arguments = arguments


def load_module(root: Path, path: Path) -> Any:
    """Return a module of ours, imported from its file."""
    specification = importlib.util.spec_from_file_location(f"own_module_{path.stem}", path)
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    sys.modules[module.__name__] = module  # dataclasses look there for what their annotations mean
    specification.loader.exec_module(module)
    return module


def asked(module: Any) -> Yaml:
    """The arguments with which main() makes its AnsibleModule."""

    def refuse(_self: object, *_: object, **arguments: Any) -> None:
        raise _CalledError(arguments)

    with patch.object(AnsibleModule, "__init__", refuse), patch.object(AnsibleAWSModule, "__init__", refuse):
        try:
            module.main()
        except _CalledError as call:
            return call.arguments
    raise AssertionError(f"{module.__name__}: main() makes no AnsibleModule")


MODULE = '''"""{why}"""
DOCUMENTATION = """
module: x
options: {{{options}}}
"""
from ansible.module_utils.basic import AnsibleModule
def main():
    AnsibleModule(argument_spec={spec}{check})
'''
X = "plugins/modules/x.py"
FRAGMENT = "class ModuleDocFragment:\n    TAGS = 'options: {a: {default: 1}}'\n"
WITH_FRAGMENT = MODULE.replace("module: x\n", "module: x\nextends_documentation_fragment: [y.tags]\n")
CHECKS = ", supports_check_mode=True"
DATACLASS = "import dataclasses\n@dataclasses.dataclass\nclass Y:\n    n: 'int'\n"


@rule(Broken("why it exists", {X: MODULE.format(why="Does it.", options="", spec="{}", check=CHECKS)}))
def own_modules_say_why_they_exist(root: Path) -> Iterator[str]:
    for path in module_files(root):
        first = (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]
        if not first.startswith(WHY) or len(first) < len(WHY) + 20:
            yield f"{path.relative_to(root)} does not say why it exists: `{WHY}...`"


@rule(
    Broken("x.py: a is not documented", {X: MODULE.format(why="", options="", spec={"a": {}}, check=CHECKS)}),
    Broken("x.py: a is documented", {X: MODULE.format(why="", options="a: {type: str}", spec={}, check=CHECKS)}),
    Broken("default", {X: MODULE.format(why="", options="a: {default: 1}", spec={"a": {"default": 2}}, check=CHECKS)}),
    Broken(
        "a: default",
        {
            X: WITH_FRAGMENT.format(why="", options="", spec={"a": {"default": 2}}, check=CHECKS),
            "plugins/doc_fragments/y.py": FRAGMENT,
        },
    ),
    Broken("check mode", {X: MODULE.format(why="", options="", spec={}, check="")}),
    Broken("check mode", {X: MODULE.format(why="", options="", spec={}, check="") + DATACLASS}),
)
def own_modules_take_what_they_document(root: Path) -> Iterator[str]:
    for path in module_files(root):
        module = load_module(root, path)
        arguments = asked(module)
        documented = documented_options(root, yaml.safe_load(module.DOCUMENTATION))
        yield from (f"{path.relative_to(root)}: {text}" for text in compare(documented, arguments["argument_spec"]))
        if not arguments.get("supports_check_mode"):
            yield f"{path.relative_to(root)} does not support check mode"


def documented_options(root: Path, documentation: Yaml) -> Yaml:
    """Return a module's documented options, with those of our doc fragments; its own take precedence, as in Ansible."""
    options: Yaml = {}
    for name in documentation.get("extends_documentation_fragment") or []:
        fragment, _, part = name.partition(".")
        path = root / f"plugins/doc_fragments/{fragment}.py"
        if path.exists():
            text = getattr(load_module(root, path).ModuleDocFragment, part.upper() or "DOCUMENTATION")
            options |= yaml.safe_load(text)["options"]
    return options | (documentation.get("options") or {})


def compare(documented: Yaml, taken: Yaml, prefix: str = "") -> Iterator[str]:
    """How documented options and an argument_spec differ, suboptions too."""
    for name in sorted(documented.keys() | taken.keys()):
        option = f"{prefix}{name}"
        if name not in documented:
            yield f"{option} is not documented"
        elif name not in taken:
            yield f"{option} is documented and not taken"
        else:
            said, is_ = ASSUMED | documented[name], ASSUMED | taken[name]
            for key in COMPARED:
                if said.get(key) != is_.get(key):
                    yield f"{option}: {key} is documented as {said.get(key)!r}, and is {is_.get(key)!r}"
            yield from compare(documented[name].get("suboptions") or {}, taken[name].get("options") or {}, f"{option}.")


@rule(
    Broken("Nam", {X: 'self.elb = module.client("elbv2")\nself.elb.create_target_group(Nam="a")\n'}),
    Broken("make_bucket", {X: 's3 = module.client("s3")\ns3.make_bucket(Bucket="a")\n'}),
    Broken("Nam", {X: 'elb = module.client("elbv2")\nunless_missing("X", elb.describe_rules, Nam="a")\n'}),
    Broken("Gone", {X: 'elb = module.client("elbv2")\nunless_missing("Gone", elb.describe_rules)\n'}),
    Broken("Nam", {X: 'def find(elb, b):\n    elb.describe_rules(Nam=1)\nFinder("elbv2", find)\n'}),
)
def requests_use_names_that_aws_knows(root: Path) -> Iterator[str]:
    """Keywords that stand literally in a call; those built at run time are the sandbox's and AWS's to refuse."""
    for path in files(root, "plugins/modules", "ops"):
        if path.suffix != ".py":
            continue
        tree = ast.parse(path.read_text())
        services = clients(tree)
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            where = f"{path.relative_to(root)}:{call.lineno}"
            if direct := request(call.func, services):
                yield from (f"{where}: {text}" for text in misnamed(*direct, call))
                continue
            match call:
                case ast.Call(func=ast.Name(id="unless_missing"), args=[codes, function, *_]) if wrapped := request(
                    function, services
                ):
                    yield from (f"{where}: {text}" for text in misnamed(*wrapped, call))
                    yield from (f"{where}: {text}" for text in unknown_errors(*wrapped, codes))


def clients(tree: ast.AST) -> dict[str, str]:
    """Names that hold a client, and its service: from `x = module.client("elbv2")` and `Finder("elbv2", find)`."""
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    found = {}
    for node in ast.walk(tree):
        match node:
            case ast.Assign(
                targets=[ast.Attribute(attr=name) | ast.Name(id=name)],
                value=ast.Call(func=ast.Attribute(attr="client"), args=[ast.Constant(value=str(service)), *_]),
            ):
                found[name] = service
            case ast.Call(
                func=ast.Name(id="Finder"), args=[ast.Constant(value=str(service)), ast.Name(id=function)]
            ) if function in functions:
                found[functions[function].args.args[0].arg] = service
    return found


def request(function: ast.expr, services: dict[str, str]) -> tuple[str, str] | None:
    """Service and operation of `self.elb.describe_rules` or `elb.describe_rules`."""
    match function:
        case ast.Attribute(attr=operation, value=ast.Attribute(attr=name) | ast.Name(id=name)) if name in services:
            return services[name], operation
    return None


@cache
def model(service: str) -> tuple[Any, dict[str, str]]:
    """A service's model, and its operations by their Python names."""
    found = botocore.session.get_session().get_service_model(service)
    return found, {xform_name(name): name for name in found.operation_names}


# What a boto3 client has beside its operations.
BUILT_IN = {"get_paginator", "get_waiter", "can_paginate", "generate_presigned_url", "exceptions", "meta"}


def misnamed(service: str, operation: str, call: ast.Call) -> Iterator[str]:
    service_model, operations = model(service)
    if operation not in operations:
        if operation not in BUILT_IN:
            yield f"{service} has no operation {operation}"
        return
    shape = service_model.operation_model(operations[operation]).input_shape
    members = set(shape.members) if shape else set()
    for keyword in call.keywords:
        if keyword.arg and keyword.arg not in members:
            yield f"{service} {operation} takes no {keyword.arg}"


def unknown_errors(service: str, operation: str, codes: ast.expr) -> Iterator[str]:
    service_model, operations = model(service)
    shapes = service_model.error_shapes
    known = {name for shape in shapes for name in (shape.name, shape.metadata.get("error", {}).get("code"))}
    if operation not in operations or service in WITHOUT_ERRORS:
        return
    for node in ast.walk(codes):
        if isinstance(node, ast.Constant) and node.value not in known:
            yield f"{service} knows no error {node.value!r}"


# Their models name few or none of their errors.
WITHOUT_ERRORS = {"ec2", "s3"}


READS = re.compile(r"\b(get_secret_value|batch_get_secret_value|get_random_password)\b")
LOOKUPS = re.compile(r"\b(secretsmanager_secret|aws_secret|ssm_parameter|aws_ssm)\b")
READER = "ops/aws/secrets.py"
HIDING = re.compile(r"\b(hiding_secrets\(|run\()")


@rule(
    Broken("x.py: get_secret_value", {X: 'm.client("secretsmanager").get_secret_value(SecretId="a")\nrun(m)\n'}),
    Broken("u.py: get_random_password", {"ops/aws/u.py": "def f(s):\n    s.get_random_password()\n"}),
    Broken("p.py: get_secret_value", {"plugins/action/p.py": "def f(s):\n    s.get_secret_value()\n"}),
    Broken("hides none", {X: 'token = fetch(module.client("secretsmanager"), "a", BEARER)\n'}),
    Broken("secretsmanager_secret", {"roles/x/vars/main.yml": "t: '{{ lookup(\"a.b.secretsmanager_secret\") }}'\n"}),
)
def secrets_are_read_in_one_place_and_hidden(root: Path) -> Iterator[str]:
    """A value read elsewhere is one that no redaction knows of; a module that breaks prints what it holds."""
    for path in files(root, "ops", "plugins"):
        text, name = path.read_text() if path.suffix == ".py" else "", path.relative_to(root)
        if str(name) != READER:
            yield from (f"{name}: {found} belongs into {READER}" for found in sorted(set(READS.findall(text))))
        if name.parts[1] == "modules" and '.client("secretsmanager")' in text and not HIDING.search(text):
            yield f"{name} reads secrets and hides none: with hiding_secrets(module), or run() of ops/aws/resource.py"
    for path in files(root, "roles", "playbooks", "inventories"):
        for found in sorted(set(LOOKUPS.findall(path.read_text()))):
            yield f"{path.relative_to(root)}: {found} would bring a secret's value into Ansible's variables"
