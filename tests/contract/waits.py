"""Tests wait for what happens: no clock at import, no nap, no limit in seconds but the one, no reader of an end."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from tests.contract.files import texts
from tests.contract.rule import Broken, rule

HOMES = (
    "tests/support/waiting.py",
    "tests/run.py",
    "tests/support/stuck.py",
)  # where waiting is done, and what runs tests
FOLDERS = ("tests", "molecule")
TEST = "tests/unit/test_x.py"
CLOCKS = {"now", "utcnow", "today", "time", "time_ns", "monotonic", "monotonic_ns", "perf_counter"}
OWNERS = {"datetime", "date", "dt", "time"}
#: calls that take how long they may last, by where the number stands among their arguments
LASTING = {
    "wait": 0,
    "join": 0,
    "communicate": 1,
    "result": 0,
    "poll": 0,
    "acquire": 1,
    "select": 3,
    "wait_for": 1,
    "run": None,
    "check_output": None,
    "create_connection": 1,
    "HTTPConnection": 2,
    "HTTPSConnection": 2,
    "urlopen": 2,
    "Barrier": 2,
    "timeout": 0,
    "Redis": None,
    "connect": None,
    "until": 3,
}
LIMITS = {"timeout", "socket_timeout", "connect_timeout", "longest"}
TOOK = {"elapsed", "seconds", "took", "duration", "ms"}
FOR_SECONDS = re.compile(r"\bsleep[ (]\s*(\d+(?:\.\d+)?)")


def trees(root: Path, *without: str) -> Iterator[tuple[str, ast.Module]]:
    """Name and syntax of what tests are made of, and of their helpers."""
    for name, text in texts(root, *FOLDERS):
        if name.endswith(".py") and not name.startswith((*HOMES, *without)):
            yield name, ast.parse(text)


def last_name(node: ast.expr) -> str:
    """`wait` of a.b.wait and of wait."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def is_clock(node: ast.AST) -> bool:
    called = node.func if isinstance(node, ast.Call) else None
    return isinstance(called, ast.Attribute) and called.attr in CLOCKS and last_name(called.value) in OWNERS


def is_number(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float) and bool(node.value)


def shared(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether it is a fixture that is made once for several tests."""
    decorators = [one for one in function.decorator_list if isinstance(one, ast.Call)]
    scopes = [word.value for one in decorators for word in one.keywords if word.arg == "scope"]
    return any(isinstance(scope, ast.Constant) and scope.value != "function" for scope in scopes)


def at_import(node: ast.AST) -> Iterator[ast.AST]:
    """What is evaluated when a module is imported, or once for several tests: no body of a test."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Lambda):
            continue
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) and not shared(child):
            for part in (*child.decorator_list, *child.args.defaults, *filter(None, child.args.kw_defaults)):
                yield from ast.walk(part)
            continue
        yield child
        yield from at_import(child)


@rule(
    Broken(f"{TEST}:1", {TEST: "CREATED = datetime.now(UTC) - timedelta(minutes=1)"}),
    Broken(f"{TEST}:2", {TEST: "class Case:\n    begun = time.monotonic()"}),
    Broken(f"{TEST}:1", {TEST: "def run(at: float = time.time()) -> None: ..."}),
    Broken(f"{TEST}:1", {TEST: "@pytest.mark.parametrize('at', [dt.datetime.now(dt.UTC)])\ndef test_x(at): ..."}),
    Broken(f"{TEST}:2", {TEST: "@pytest.fixture(scope='module')\ndef now(): return date.today()"}),
    Broken("molecule/a/tests/test_x.py:1", {"molecule/a/tests/test_x.py": "NOW = time.time()"}),
)
def no_test_reads_a_clock_before_it_runs(root: Path) -> Iterator[str]:
    """However long the suite takes to get there, `a minute ago` is to be a minute ago."""
    for name, tree in trees(root):
        for node in at_import(tree):
            if is_clock(node):
                yield f"{name}:{node.lineno} reads the clock when it is imported, or for several tests"  # type: ignore[attr-defined]


@rule(
    Broken(f"{TEST}:1", {TEST: "time.sleep(1.1)"}),
    Broken(f"{TEST}:2", {TEST: "async def look():\n    await asyncio.sleep(0.01)"}),
    Broken(f"{TEST}:2", {TEST: "while not done():\n    time.sleep(pause)"}),
)
def no_test_naps(root: Path) -> Iterator[str]:
    """What stands in for something slow may sleep for so long as it was told."""
    for name, tree in trees(root):
        loops = {id(inner) for outer in ast.walk(tree) if isinstance(outer, ast.While) for inner in ast.walk(outer)}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or last_name(node.func) != "sleep":
                continue
            if any(map(is_number, node.args)) or id(node) in loops:
                yield f"{name}:{node.lineno} sleeps: wait by tests.support.waiting.until for what is to happen"


@rule(
    Broken(f"{TEST}:1", {TEST: "subprocess.run(command, timeout=60)"}),
    Broken(f"{TEST}:1", {TEST: "process.communicate(timeout=5)"}),
    Broken(f"{TEST}:1", {TEST: "assert process.wait(10) == 0"}),
    Broken(f"{TEST}:1", {TEST: "select.select([sock], [], [], 5)"}),
    Broken(f"{TEST}:1", {TEST: "socket.create_connection(address, 5)"}),
    Broken(f"{TEST}:2", {TEST: "for _ in range(100):\n    over.wait(0.05)"}),
    Broken(f"{TEST}:1", {TEST: "until(lambda: ready, longest=20)"}),
    Broken(f"{TEST}:1", {TEST: "def eventually(what, seconds: float = 30): ..."}),
)
def no_test_has_a_limit_of_its_own(root: Path) -> Iterator[str]:
    """But for tests/support/waiting.py's, which is for what hangs: any other is too short for some machine."""
    for name, tree in trees(root):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and (called := last_name(node.func)) in LASTING:
                place = LASTING[called]
                number = node.args[place] if place is not None and len(node.args) > place else None
                named = next((word.value for word in node.keywords if word.arg in LIMITS), None)
                if is_number(number) or is_number(named):
                    yield f"{name}:{node.lineno} gives `{called}` a limit of its own: take HANGS_SECONDS"
            if isinstance(node, ast.FunctionDef):
                arguments = [*node.args.posonlyargs, *node.args.args][::-1]
                for argument, default in zip(arguments, node.args.defaults[::-1], strict=False):
                    real = isinstance(argument.annotation, ast.Name) and argument.annotation.id == "float"
                    if argument.arg in ("seconds", "timeout") and real and is_number(default):
                        yield f"{name}:{node.lineno} has a limit of its own, {argument.arg}: take HANGS_SECONDS"


@rule(
    Broken(f"{TEST}:1", {TEST: "assert time.monotonic() - begun < 4"}),
    Broken(f"{TEST}:1", {TEST: "assert found.seconds < 30"}),
    Broken(f"{TEST}:1", {TEST: "assert 20 > elapsed"}),
    Broken(f"{TEST}:1", {TEST: "assert check['ms'] < 300 <= page['ms']"}),
)
def no_test_asserts_how_fast_a_machine_is(root: Path) -> Iterator[str]:
    """Order and state are asserted; a figure of the machine is a ratio, in tests/bench."""
    for name, tree in trees(root, "tests/bench"):
        for statement in (node for node in ast.walk(tree) if isinstance(node, ast.Assert)):
            for compared in (node for node in ast.walk(statement.test) if isinstance(node, ast.Compare)):
                sides = [compared.left, *compared.comparators]
                for (before, after), sign in zip(itertools.pairwise(sides), compared.ops, strict=True):
                    low, high = (after, before) if isinstance(sign, ast.Gt | ast.GtE) else (before, after)
                    ordered = isinstance(sign, ast.Lt | ast.LtE | ast.Gt | ast.GtE)
                    if ordered and is_number(high) and any(map(is_time_taken, ast.walk(low))):
                        yield f"{name}:{statement.lineno} asserts that something takes less than so many seconds"


def is_time_taken(node: ast.AST) -> bool:
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Constant) and node.slice.value in TOOK
    return is_clock(node) or (isinstance(node, ast.expr) and last_name(node) in TOOK)


@rule(
    Broken(f"{TEST}:1", {TEST: "while not raw.endswith(b'.'):\n    raw += os.read(terminal, 65536)"}),
    Broken(f"{TEST}:1", {TEST: "while True:\n    raw += os.read(terminal, 65536)\n    if raw.endswith(b'.'): break"}),
)
def no_test_reads_until_an_end(root: Path) -> Iterator[str]:
    """Another writer may come after it, and then it never is the end."""
    for name, tree in trees(root):
        for loop in (node for node in ast.walk(tree) if isinstance(node, ast.While)):
            if any(isinstance(node, ast.Attribute) and node.attr == "endswith" for node in ast.walk(loop)):
                yield f"{name}:{loop.lineno} reads until the data ends so: look for it anywhere"


@rule(
    Broken(f"{TEST}:1", {TEST: "Popen(['sleep', '60'])"}),
    Broken(f"{TEST}:1", {TEST: "shell('sleep 60 & wait')"}),
    Broken(f"{TEST}:1", {TEST: "SCRIPT = 'import time; time.sleep(60)'"}),
)
def nothing_that_a_test_ends_ends_by_itself(root: Path) -> Iterator[str]:
    """`sleep infinity`, or what waits for a file of the test's; then the test may be as late as it likes."""
    for name, tree in trees(root, "tests/contract"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                lasts = max((float(seconds) for seconds in FOR_SECONDS.findall(node.value)), default=0)
            elif isinstance(node, ast.List | ast.Tuple):
                words = [str(one.value) for one in node.elts if isinstance(one, ast.Constant)]
                lasts = max((float(b) for a, b in itertools.pairwise(words) if a == "sleep" and digits(b)), default=0)
            else:
                continue
            if lasts >= 1:
                yield f"{name}:{node.lineno} starts what ends by itself after {lasts:g} s: `sleep infinity`"


def digits(word: str) -> bool:
    return word.replace(".", "", 1).isdigit()
