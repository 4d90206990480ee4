"""A task begins with its verb, and a function's docstring says what it returns or does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.contract.files import TasksFile, Yaml, files, play_tasks, playbooks, plays, roles
from tests.contract.rule import Broken, Sound, rule

VERBS = (
    "Acquire",
    "Configure",
    "Create",
    "Delete",
    "Fail if",
    "Find",
    "Migrate",
    "Record",
    "Register",
    "Release",
    "Run",
    "Send",
    "Set",
    "Show",
    "Start",
    "Stop",
    "Upload",
    "Verify",
    "Wait for",
)
ASSERTS = {"ansible.builtin.assert", "ansible.builtin.fail", "assert", "fail"}

MAIN = "roles/x/tasks/main.yml"
WAIT = "roles/x/tasks/wait.yml"
PLAY = "playbooks/x.yml"
ASSERT = "- {name: %s, ansible.builtin.assert: {that: a}}"
IN_PLAY = "- {name: Build it, hosts: all, tasks: [{name: %s, ansible.builtin.import_role: {name: x}}]}"


def named(root: Path) -> Iterator[tuple[str, str, Yaml]]:
    """Yield the file, the name without its file's prefix and the task itself, for every task with a name."""
    for role in roles(root):
        for file in role.tasks_files():
            for task in file.tasks():
                if "name" in task:
                    yield file.where, without_prefix(file, str(task["name"])), task
    for path in playbooks(root):
        for task in (task for play in plays(path) for task in play_tasks(play) if "name" in task):
            yield str(path.relative_to(root)), str(task["name"]), task


def without_prefix(file: TasksFile, name: str) -> str:
    """Return a task's name without the `Verb | ` that names of other files than main.yml begin with."""
    return name if file.entry == "main" else name.partition(" | ")[2] or name


@rule(
    Broken("`The VPC`", {MAIN: "- {name: The VPC}"}),
    Broken("`Nothing stands open`", {MAIN: "- {name: A, block: [{name: Nothing stands open}]}"}),
    Broken("`Creates the VPC`", {MAIN: "- {name: Creates the VPC}"}),
    Broken("`Settle the rules`", {MAIN: "- {name: Settle the rules}"}),
    Broken("`Wait | The certificate`", {WAIT: "- {name: Wait | The certificate}"}),
    Broken("`Wait | Wait until it is there`", {WAIT: "- {name: Wait | Wait until it is there}"}),
    Broken("`Network`", {PLAY: IN_PLAY % "Network"}),
    Sound({MAIN: "- {name: Create the VPC}\n- {name: Wait for it}\n- {name: Fail if it is missing, assert: {}}"}),
    Sound({WAIT: "- {name: Wait | Wait for the certificate}\n- {name: Wait | Find it}"}),
    Sound({PLAY: IN_PLAY % "Delete the network"}),
)
def a_task_begins_with_its_verb(root: Path) -> Iterator[str]:
    for where, name, task in named(root):
        if not name.startswith(tuple(f"{verb} " for verb in VERBS)):
            yield f"{where}: `{task['name']}` begins with none of the verbs {', '.join(VERBS)}"


@rule(
    Broken("`Verify that it is there`", {MAIN: ASSERT % "Verify that it is there"}),
    Broken("`Wait | Verify it`", {WAIT: ASSERT % "Wait | Verify it"}),
    Broken("`Stop the play`", {MAIN: "- {name: Stop the play, ansible.builtin.fail: {msg: a}}"}),
    Broken("`Fail if unnamed`", {MAIN: "- {name: Fail if unnamed, ansible.builtin.debug: {msg: a}}"}),
    Sound({MAIN: ASSERT % "Fail if there are release blockers"}),
    Sound({WAIT: ASSERT % "Wait | Fail if it is missing"}),
    Sound({MAIN: "- {name: Fail if the account is another one, known_variables: }"}),
)
def an_assertion_says_when_it_fails(root: Path) -> Iterator[str]:
    """Ansible prints the task's name above a failure: it has to be true then."""
    for where, name, task in named(root):
        says = name.startswith("Fail if ")
        if not says and ASSERTS & task.keys():
            yield f"{where}: the assertion `{task['name']}` does not begin with `Fail if`"
        if says and {"ansible.builtin.debug", "ansible.builtin.set_fact"} & task.keys():
            yield f"{where}: `{task['name']}` can't fail"


RIDDLES = {"What", "Whether", "How", "Why", "Where", "Who", "Whom", "Whose", "When", "Which", "That"}
PROPERTIES = {"property", "cached_property"}
X = "ops/x.py"


@rule(
    Broken("ops/x.py:1", {X: 'def f(): """What ECS does now."""'}),
    Broken("ops/x.py:1", {X: 'def f(): """Whether it runs."""'}),
    Broken("ops/x.py:2", {X: 'class A:\n    async def f(self):\n        """How it ended, in a sentence."""'}),
    Broken("sandbox/x.py:2", {"sandbox/x.py": 'def f():\n    def g(): """That it ended."""'}),
    Broken("plugins/modules/x.py:1", {"plugins/modules/x.py": 'def f(): """\n    Why not\n    """'}),
    Sound({X: 'def f(): """Return what ECS does now."""\ndef g(): """Wait until it runs. What fails is told."""'}),
    Sound({X: '"""What a module holds."""\nclass A:\n    """What AWS holds."""\ndef h(): ...'}),
    Sound({X: 'class A:\n    @property\n    def a(self): """Why it ended."""'}),
    Sound({"tests/unit/test_x.py": 'def test_x(): """What is lost stays lost."""'}),
)  # fmt: skip
def a_function_says_what_it_returns_or_does(root: Path) -> Iterator[str]:
    """PEP 257: `Return the weights`, and not `What the weights are`."""
    for path in files(root, "ops", "plugins", "sandbox"):
        for node in ast.walk(ast.parse(path.read_text())) if path.suffix == ".py" else ():
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or is_property(node):
                continue
            first = (ast.get_docstring(node) or "").partition("\n")[0]
            if first.partition(" ")[0].rstrip(",:") in RIDDLES:
                yield f"{path.relative_to(root)}:{node.lineno} {node.name}: `{first}`: say `Return ...`"


def is_property(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(isinstance(one, ast.Name) and one.id in PROPERTIES for one in node.decorator_list)
