"""The checkout as a whole: pinned, movable to any machine, and checked by CI as by a person."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

from tests.contract.files import files, lines, load
from tests.contract.rule import CHECKOUT, Broken, rule

MAX_PYTHON_LINES = 400
HOMES = ("/home", "/Users", "/root")
HOME = re.compile(rf"(?<![\w.}}$~-])({'|'.join(HOMES)})/\w")
# Paths inside a container image are the same everywhere.
IMAGES = ("Dockerfile",)


@rule(
    Broken("10.0.9", {"collections/requirements.yml": "collections: [{name: amazon.aws, version: 10.0.9}]"}),
    Broken("community.aws", {"collections/requirements.yml": "collections: [{name: amazon.aws, version: 10.0.9}]"}),
    Broken("ansible==1.0.0", {"requirements.lock": "ansible==1.0.0 \\\n"}),
)
def collections_are_those_that_the_lock_brings(root: Path) -> Iterator[str]:
    """The collections stand inside the ansible package, so its version decides theirs."""
    installed = distribution("ansible")
    lock = (root / "requirements.lock").read_text() if (root / "requirements.lock").exists() else ""
    for pin in re.findall(r"^ansible==\S+", lock, re.MULTILINE):
        if pin != f"ansible=={installed.version}":
            yield f"requirements.lock pins {pin}, and {installed.version} is installed: run tools/install"
    required = load(root / "collections/requirements.yml") or {"collections": []}
    versions = {item["name"]: item["version"] for item in required["collections"]}
    for name in ("amazon.aws", "community.aws"):
        manifest = Path(str(installed.locate_file(f"ansible_collections/{name.replace('.', '/')}/MANIFEST.json")))
        brought = load(manifest)["collection_info"]["version"]
        if versions.get(name) != brought:
            yield f"collections/requirements.yml has {name} {versions.get(name)}, the lock brings {brought}"


@rule(
    Broken("docs/a.md:1", {"docs/a.md": f"Look into {HOMES[0]}/somebody/checkout\n"}),
    Broken("roles/x/tasks/main.yml:1", {"roles/x/tasks/main.yml": f"- src: {HOMES[1]}/somebody/key\n"}),
)
def no_file_names_a_folder_of_one_machine(root: Path) -> Iterator[str]:
    here = f"{CHECKOUT}/"
    for where, line in lines(root):
        if (here in line or HOME.search(line)) and not any(name in where for name in IMAGES):
            yield f"{where} names a folder that is on one machine only: {line.strip()[:100]}"


@rule(Broken("401", {"sandbox/x.py": "#\n" * 401}))
def python_files_do_one_thing(root: Path) -> Iterator[str]:
    for path in files(root):
        if path.suffix == ".py" and (count := len(path.read_text().splitlines())) >= MAX_PYTHON_LINES:
            yield f"{path.relative_to(root)} has {count} lines; it is perhaps two things"


WORKFLOW = ".github/workflows/test.yml"


@rule(
    Broken(".ci/run", {WORKFLOW: "jobs: {test: {steps: [{run: make test}]}}", ".ci/run": "make test"}),
    Broken("make test", {WORKFLOW: "jobs: {test: {steps: [{run: .ci/run}]}}", ".ci/run": "pytest"}),
    Broken("make test", {WORKFLOW: "jobs: {test: {steps: [{run: .ci/run}]}}"}),
    Broken("make rehearse", {WORKFLOW: "jobs: {test: {steps: [{run: .ci/run}]}}", ".ci/run": "make test"}),
)
def ci_does_what_a_person_does(root: Path) -> Iterator[str]:
    workflow, script = load(root / WORKFLOW) or {"jobs": {}}, root / ".ci/run"
    steps = [step.get("run") for job in workflow["jobs"].values() for step in job["steps"]]
    for command in ("make rehearse", ".ci/run"):
        if command not in steps:
            yield f"{WORKFLOW} does not run {command}"
    if not script.exists() or not re.search(r"^\s*make test$", script.read_text(), re.MULTILINE):
        yield ".ci/run does not run `make test`"


@rule(
    Broken("tests/run.py", {"Makefile": "test:\n\tpytest\n"}),
)
def make_test_runs_everything(root: Path) -> Iterator[str]:
    path = root / "Makefile"
    recipe = re.search(r"^test:.*\n((?:\t.*\n)+)", path.read_text() if path.exists() else "", re.MULTILINE)
    if not recipe or "-m tests.run\n" not in recipe[1]:
        yield "`make test` does not run all of tests/run.py"
