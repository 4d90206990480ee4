"""Each folder imports only what its room may know; no cycles, no crowded folders, no tricks with the import path."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from tests.contract.files import files, lines
from tests.contract.rule import Broken, rule

PACKAGES = ("ops", "plugins", "sandbox")
MAX_FILES = 25

#: What the modules of a folder must not import. The first folder that holds a file decides.
FORBIDDEN = {
    "sandbox/runtime": (
        *("moto", "boto3", "botocore"),
        *("sandbox.aws_api", "sandbox.services", "sandbox.control", "sandbox.cli", "sandbox.supervisor"),
    ),
    "sandbox/aws_api": ("sandbox.services", "sandbox.control", "sandbox.cli", "sandbox.supervisor"),
    "sandbox/control": ("sandbox.services", "sandbox.cli", "sandbox.supervisor"),
    "sandbox/services": ("sandbox.cli", "sandbox.supervisor", "ops", "plugins"),
    "ops": ("sandbox", "plugins", "moto", "tests"),
    "plugins": ("sandbox", "moto", "tests"),
}
#: The files in `sandbox/services` that work for a controller: they alone may use `sandbox.runtime`. The rest is API.
CONTROLLER_SIDE = (
    *("*/controller.py", "*/servers.py", "ecs/agent/*", "ecs/scheduler/*", "ecs/deployment/*"),
    *("elbv2/envoy.py", "elbv2/health.py", "cloudwatch/traffic.py"),
)
#: The files of `ops` that need Ansible, and why.
ANSIBLE = {
    "ops/aws/resource.py": "the base class of our modules that call AWS",
    "ops/aws/policies.py": "compares policies as amazon.aws does",
    "ops/process/warm_server.py": "runs modules in a process that has Ansible loaded already",
    "ops/variables/names.py": "knows the names that Ansible reserves",
    "ops/variables/types.py": "converts values as Ansible does",
}
#: AWS and its services as prose and names write them. Lower-case `rds` alone is Envoy's route discovery.
AWS_WORDS = re.compile(
    r"\b(AWS|Amazon|RDS|ElastiCache|ECS|ELB|ELBv2|ACM|ECR|VPC|EC2|S3|CloudWatch|Fargate)\b"
    r"|amazonaws|aws\.amazon|\brds(\.\w|admin|_)|\belasticache\b"
)
#: Folders where a file is a task, a role's subject or a command, so that more files are no harder to search.
CROWDED = ("plugins/modules", "playbooks", "roles")
TRICKS = ("sys.path", "__path__")


def modules(root: Path, *folders: str) -> dict[str, tuple[str, ast.Module]]:
    """Return name and syntax tree of each Python file below `folders`, by dotted module name."""
    found = {}
    for path in files(root, *folders):
        if path.suffix == ".py":
            name = path.relative_to(root)
            within = name.relative_to("sandbox/app") if name.is_relative_to("sandbox/app") else name
            dotted = ".".join(within.with_suffix("").parts).removesuffix(".__init__")
            found[dotted] = (name.as_posix(), ast.parse(path.read_text()))
    return found


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield all nodes below `node`, but for what only a type checker reads."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and any(
            getattr(part, "id", getattr(part, "attr", "")) == "TYPE_CHECKING" for part in ast.walk(child.test)
        ):
            continue
        yield child
        yield from statements(child)


def imports(dotted: str, name: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and dotted name of each import; of `from a import b` it is `a.b`."""
    for node in statements(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, one.name) for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = dotted.split(".") if name.endswith("__init__.py") else dotted.split(".")[:-1]
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{base}.{one.name}") for one in node.names)


def is_within(dotted: str, package: str) -> bool:
    return f"{dotted}.".startswith(f"{package}.")


def is_controller_side(name: str) -> bool:
    within = PurePosixPath(name).relative_to("sandbox/services")
    return any(within.match(pattern) for pattern in CONTROLLER_SIDE)


API = "sandbox/services/rds/api.py"


@rule(
    Broken(f"{API}:1", {API: "from sandbox.runtime.postgres.server import Postgres\n"}),
    Broken(f"{API}:2", {API: "def install():\n    import sandbox.runtime.envoy\n"}),
    Broken("sandbox/services/kms.py:1", {"sandbox/services/kms.py": "from sandbox import runtime\n"}),
    Broken("sandbox/aws_api/x.py:1", {"sandbox/aws_api/x.py": "from sandbox.services.ecs import api\n"}),
    Broken("sandbox/control/x.py:1", {"sandbox/control/x.py": "from ..services import install\n"}),
    Broken("sandbox/runtime/x.py:1", {"sandbox/runtime/x.py": "import botocore.session\n"}),
    Broken("sandbox/runtime/x/y.py:1", {"sandbox/runtime/x/y.py": "from sandbox.aws_api import errors\n"}),
    Broken("ops/x.py:1", {"ops/x.py": "from sandbox.config import Settings\n"}),
    Broken("plugins/modules/x.py:1", {"plugins/modules/x.py": "import sandbox\n"}),
)
def each_room_imports_only_what_it_may_know(root: Path) -> Iterator[str]:
    for dotted, (name, tree) in modules(root, *FORBIDDEN).items():
        folder = next(folder for folder in FORBIDDEN if name.startswith(f"{folder}/"))
        forbidden = FORBIDDEN[folder]
        if folder == "sandbox/services" and not is_controller_side(name):
            forbidden = (*forbidden, "sandbox.runtime")
        for line, imported in imports(dotted, name, tree):
            if any(is_within(imported, package) for package in forbidden):
                yield f"{name}:{line} imports {imported}, which {folder} must not know"


@rule(
    Broken("ops/x.py:1", {"ops/x.py": "from ansible.module_utils.basic import AnsibleModule\n"}),
    Broken("ops/stack/x.py:1", {"ops/stack/x.py": "import ansible_collections.amazon.aws.plugins as aws\n"}),
    Broken("needs no Ansible", {"ops/aws/resource.py": "import boto3\n"}),
)
def ops_knows_ansible_in_a_few_files_only(root: Path) -> Iterator[str]:
    for dotted, (name, tree) in modules(root, "ops").items():
        used = [
            (line, imported)
            for line, imported in imports(dotted, name, tree)
            if imported.partition(".")[0] in ("ansible", "ansible_collections")
        ]
        if name in ANSIBLE and not used:
            yield f"{name} needs no Ansible any more: take it off the list in tests/contract/rooms.py"
        if name not in ANSIBLE:
            yield from (f"{name}:{line} imports {imported}: ops is for plain Python" for line, imported in used)


@rule(
    Broken("sandbox/runtime/x.py:1", {"sandbox/runtime/x.py": '"""A server, as RDS runs it."""\n'}),
    Broken("sandbox/runtime/x.py:1", {"sandbox/runtime/x.py": 'FORCE = "rds.force_ssl"\n'}),
    Broken("sandbox/runtime/x.py:1", {"sandbox/runtime/x.py": "# https://docs.aws.amazon.com/vpc/\n"}),
)
def the_runtime_does_not_name_aws(root: Path) -> Iterator[str]:
    for where, line in lines(root, "sandbox/runtime"):
        if AWS_WORDS.search(line):
            yield f"{where} names AWS, which the runtime does not know: {line.strip()}"


@rule(
    Broken("ops.a -> ops.b -> ops.a", {"ops/a.py": "from ops.b import B\n", "ops/b.py": "import ops.a\n"}),
    Broken("ops.c", {"ops/c/__init__.py": "from ops.c.d import D\n", "ops/c/d.py": "from ops import c\n"}),
    Broken(
        "sandbox.a",
        {
            "sandbox/a.py": "from . import b\n",
            "sandbox/b.py": "def late():\n    from sandbox.c import C\n",
            "sandbox/c.py": "from sandbox.a import A\n",
        },
    ),
)
def files_do_not_import_each_other_in_a_circle(root: Path) -> Iterator[str]:
    found = modules(root, *PACKAGES)
    graph: dict[str, set[str]] = defaultdict(set)
    for dotted, (name, tree) in found.items():
        for _, imported in imports(dotted, name, tree):
            target = imported if imported in found else imported.rpartition(".")[0]
            if target in found and target != dotted:
                graph[dotted].add(target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield f"a circle of imports: {' -> '.join(reversed(error.args[1]))}"


@rule(
    Broken("sandbox/x has 26 files", {f"sandbox/x/{n}.py": "" for n in range(26)}),
    Broken("tests/unit/ops has 26 files", {f"tests/unit/ops/test_{n}.py": "" for n in range(26)}),
)
def no_folder_is_crowded(root: Path) -> Iterator[str]:
    """What is flat is searched by name; more than so many names nobody reads."""
    folders = Counter(path.parent.relative_to(root) for path in files(root, *PACKAGES, "tests", "roles", "molecule"))
    for folder, count in sorted(folders.items()):
        if count > MAX_FILES and folder.as_posix() not in CROWDED:
            yield f"{folder} has {count} files: group them in folders of at most {MAX_FILES}"


OWN = "ansible.module_utils"  # written apart, so that this file breaks no rule of its own


@rule(
    Broken("ops/x.py:2", {"ops/x.py": "import sys\nsys.path.insert(0, '.')\n"}),
    Broken("ops/x.py:1", {"ops/x.py": "from sys import path\n"}),
    Broken("ops/x.py:1", {"ops/x.py": "import runpy\n"}),
    Broken("plugins/x.py:1", {"plugins/x.py": "__path__ = ['plugins']\n"}),
    Broken("plugins/modules/x.py:1", {"plugins/modules/x.py": f"from {OWN}.aws_resource import Resource\n"}),
    Broken("tests/unit/x.py:1", {"tests/unit/x.py": f"import {OWN}.release_facts as facts\n"}),
)
def nothing_changes_where_python_looks_for_modules(root: Path) -> Iterator[str]:
    """The checkout is installed, so `ops`, `plugins`, `sandbox` and `tests` are found as they are."""
    for dotted, (name, tree) in modules(root, *PACKAGES, "tests").items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute | ast.Name) and ast.unparse(node) in TRICKS:
                yield f"{name}:{node.lineno} changes where Python looks for modules: {ast.unparse(node)}"
        for line, imported in imports(dotted, name, tree):
            if imported.partition(".")[0] == "runpy" or imported == "sys.path":
                yield f"{name}:{line} changes where Python looks for modules: {imported}"
            if imported.startswith(f"{OWN}.") and not is_ansibles(imported):
                yield f"{name}:{line} imports {imported}, which Ansible does not bring: import it from ops"


def is_ansibles(imported: str) -> bool:
    """Whether a module of ansible.module_utils, or what is imported from one, comes with ansible-core."""
    for dotted in (imported, imported.rpartition(".")[0]):
        try:
            if dotted != OWN and find_spec(dotted):
                return True
        except ModuleNotFoundError:
            continue
    return False
