"""One lock for every Python that pyproject.toml allows; CI tries each, and the installation finds each."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.contract.files import load
from tests.contract.rule import Broken, rule

HASH = re.compile(r"\s--hash=sha256:[0-9a-f]{64}\b")
WORKFLOW = ".github/workflows/test.yml"
OLDEST = {"3.11": "3.11.2"}  # Debian 12's; of the others, the first
SPECIMEN = f"--hash=sha256:{'0' * 64}"


@dataclass(frozen=True, slots=True)
class Pin:
    """A line of the lock: a requirement of one version, and whether it has a hash."""

    requirement: Requirement
    hashed: bool

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        (one,) = self.requirement.specifier
        return one.version

    def applies(self, environment: Mapping[str, str]) -> bool:
        return self.requirement.marker is None or self.requirement.marker.evaluate(dict(environment))


def locked(root: Path) -> list[str]:
    """Return the lock's lines, each in one piece, without comments."""
    path = root / "requirements.lock"
    text = re.sub(r"\\\n", " ", path.read_text()) if path.exists() else ""
    return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def pins(root: Path) -> list[Pin]:
    """Return what the lock pins; the rule below says what else is wrong with its lines."""
    found = []
    for line in locked(root):
        requirement = HASH.sub("", line).strip()
        if re.match(r"^[A-Za-z0-9._-]+==\S", requirement):
            found.append(Pin(Requirement(requirement), bool(HASH.search(line))))
    return found


def project(root: Path) -> tuple[list[str], list[Requirement]]:
    """Return the minor versions of Python that the project allows, and what it depends on."""
    path = root / "pyproject.toml"
    told = tomllib.loads(path.read_text())["project"] if path.exists() else {}
    allowed = SpecifierSet(told.get("requires-python", ">=3.11,<3.14"))
    versions = [f"3.{minor}" for minor in range(30) if allowed.contains(f"3.{minor}.99")]
    return versions, [Requirement(one) for one in told.get("dependencies", [])]


def environment(python: str, extra: str = "") -> dict[str, str]:
    """Return what markers see on this system under such a Python."""
    known = {key: str(value) for key, value in default_environment().items()}
    full = OLDEST.get(python, f"{python}.0")
    return known | {
        "python_version": python,
        "python_full_version": full,
        "implementation_version": full,
        "extra": extra,
    }


def needed(of: Requirement, python: str) -> Iterator[Requirement]:
    """Yield what a package itself requires under such a Python, as far as it is installed here."""
    try:
        told = metadata(of.name).get_all("Requires-Dist") or []
    except PackageNotFoundError:  # not for the Python that runs this
        return
    for requirement in map(Requirement, told):
        extras = ["", *sorted(of.extras)]
        if requirement.marker is None or any(requirement.marker.evaluate(environment(python, one)) for one in extras):
            yield requirement


@rule(
    Broken("no hash", {"requirements.lock": "jinja2==3.1.6\n"}),
    Broken("no hash", {"requirements.lock": "jinja2==3.1.6 ; python_version < '3.12'\n"}),
    Broken("address", {"requirements.lock": f"--index-url https://a.example/\njinja2==3.1.6 {SPECIMEN}"}),
    Broken("not pinned", {"requirements.lock": f"jinja2>=3 \\\n    {SPECIMEN}\n"}),
)
def the_lock_has_hashes_and_no_address(root: Path) -> Iterator[str]:
    for line in locked(root):
        if re.search(r"https?://|--(extra-)?index-url|--find-links|--trusted-host", line):
            yield f"requirements.lock holds an address: {line[:80]}"
        elif not re.match(r"^[A-Za-z0-9._-]+==\S", line):
            yield f"requirements.lock: not pinned: {line[:80]}"
    for pin in pins(root):
        if not pin.hashed:
            yield f"requirements.lock: no hash for {pin.name}"


@rule(
    Broken("async-timeout", {"requirements.lock": f"redis==8.1.0 {SPECIMEN}\n"}),
    Broken("on Python 3.13", {"requirements.lock": f"molecule==1.0 ; python_version < '3.13' {SPECIMEN}\n",
                              "pyproject.toml": "[project]\ndependencies = ['molecule']"}),
    Broken("twice", {"requirements.lock": f"jinja2==3.1.6 {SPECIMEN}\njinja2==3.1.5 {SPECIMEN}\n"}),
    Broken("0.1 for responses", {"requirements.lock": f"moto==5.2.5 {SPECIMEN}\nresponses==0.1 {SPECIMEN}\n",
                       "pyproject.toml": "[project]\ndependencies = ['moto[server]']"}),
    Broken("Python 3.11", {"requirements.lock": f"jinja2==3.1.6 ; python_version >= '3.12' {SPECIMEN}\n",
                           "pyproject.toml": "[project]\ndependencies = ['jinja2']"}),
)  # fmt: skip
def the_lock_is_whole_for_every_python(root: Path) -> Iterator[str]:
    """Whoever resolves on one Python alone misses what only another needs."""
    versions, desired = project(root)
    for python in versions:
        present: dict[str, Pin] = {}
        for pin in pins(root):
            if pin.applies(environment(python)):
                if pin.name in present:
                    yield f"requirements.lock pins {pin.name} twice on Python {python}"
                present[pin.name] = pin
        asked = list(desired) + [pin.requirement for pin in present.values()]
        seen: set[tuple[str, frozenset[str]]] = set()
        while asked:
            one = asked.pop()
            key = (canonicalize_name(one.name), frozenset(one.extras))
            found = present.get(key[0])
            if found is None or not one.specifier.contains(found.version, prereleases=True):
                has = found.version if found else "nothing"
                yield f"requirements.lock has {has} for {one} on Python {python}: run `make lock`"
            elif key not in seen:
                seen.add(key)
                asked += needed(one, python)


@rule(
    Broken("allows 3.8", {"requirements.lock": f"moto==5.2.5 {SPECIMEN}\n",
                          "pyproject.toml": "[project]\nrequires-python = '>=3.8,<3.14'"}),
)  # fmt: skip
def what_is_locked_says_that_it_is_for_every_python(root: Path) -> Iterator[str]:
    for python in project(root)[0]:
        for pin in pins(root):
            try:
                told = ",".join(metadata(pin.name).get_all("Requires-Python") or [])
            except PackageNotFoundError:
                continue
            if not SpecifierSet(told).contains(OLDEST.get(python, f"{python}.0")):
                yield f"{pin.name} {pin.version} is for Python {told}, pyproject.toml allows {python}"


@rule(
    Broken("3.12", {"tools/python": "set -- python3.13 python3.11 python3", WORKFLOW: "x: ['3.11', '3.12', '3.13']"}),
    Broken("3.10", {"tools/python": "set -- python3.13 python3.12 python3.11 python3.10 python3"}),
    Broken("'3.13'", {WORKFLOW: "jobs: {test: {strategy: {matrix: {python: ['3.11', '3.12']}}}}"}),
)
def every_python_is_looked_for_and_tried(root: Path) -> Iterator[str]:
    versions, _ = project(root)
    script = root / "tools/python"
    named = re.search(r"set -- (.*)", script.read_text()) if script.exists() else None
    looked_for = re.findall(r"python(3\.\d+)", named[1]) if named else versions
    if set(looked_for) != set(versions):
        yield f"tools/python looks for {', '.join(looked_for)}; pyproject.toml allows {', '.join(versions)}"
    workflow = load(root / WORKFLOW) or {"jobs": {}}
    for name, job in workflow.get("jobs", {}).items():
        tried = job.get("strategy", {}).get("matrix", {}).get("python", [])
        if set(tried) != set(versions):
            yield f"{WORKFLOW} runs {name} on {tried}, pyproject.toml allows {versions}"
