"""Parse the part of a Dockerfile that decides an image's configuration and its files.

Honoured: FROM --platform, ARG, ENV, WORKDIR, COPY and ADD of the build context, ENTRYPOINT, CMD, EXPOSE, LABEL,
STOPSIGNAL. Skipped, since they install the operating system around the application, which here is the checkout's own
environment: RUN, USER, ADD of a URL, COPY --from, and all before the last FROM. HEALTHCHECK is skipped: the caller's
own definition of a health check counts. Any other instruction is refused.

Source: https://docs.docker.com/reference/dockerfile/
"""

import json
import posixpath
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

SKIPPED = {"RUN", "USER", "HEALTHCHECK", "SHELL", "MAINTAINER"}
SHELL = ["/bin/sh", "-c"]
_CONTINUED = re.compile(r"\\[ \t]*\n(?:[ \t]*#[^\n]*\n)*")
_VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)(?::-(?P<default>[^}]*))?\}|(?P<bare>\w+))")


class DockerfileError(ValueError):
    """The Dockerfile has an instruction that an image of the sandbox can't honour."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One COPY: patterns in the build context, and an absolute path in the image."""

    sources: tuple[str, ...]
    destination: str
    into_folder: bool


@dataclass(slots=True)
class Recipe:
    """The instructions of a Dockerfile's last stage."""

    platform: str = "linux/amd64"
    workdir: str = "/"
    environment: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    ports: list[str] = field(default_factory=list)
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    stop_signal: str = "SIGTERM"
    copies: list[Copy] = field(default_factory=list)


def parse(path: Path) -> Recipe:
    """Return the recipe of a Dockerfile. Raises DockerfileError, naming the line that can't be honoured."""
    recipe, arguments = Recipe(), dict[str, str]()
    for number, instruction, rest in _instructions(path.read_text()):
        try:
            if instruction == "FROM":
                recipe = Recipe(platform=_platform(rest, arguments))
            else:
                _apply(recipe, arguments, instruction, rest)
        except ValueError as error:
            raise DockerfileError(f"{path}, line {number}: {instruction} {rest}: {error}") from error
    if not (recipe.entrypoint or recipe.command):
        raise DockerfileError(f"{path}: neither ENTRYPOINT nor CMD, so nothing for its tasks to run. Add a CMD.")
    return recipe


def _instructions(text: str) -> list[tuple[int, str, str]]:
    found, number = [], 1
    for line in _CONTINUED.sub(lambda m: "\0" * m[0].count("\n"), text).split("\n"):
        words = line.replace("\0", " ").strip()
        if words and not words.startswith("#"):
            instruction, _, rest = words.partition(" ")
            found.append((number, instruction.upper(), rest.strip()))
        number += 1 + line.count("\0")
    return found


def _platform(rest: str, arguments: dict[str, str]) -> str:
    flag = re.search(r"--platform=(\S+)", rest)
    return _expand(flag[1], arguments) if flag else Recipe().platform


def _apply(recipe: Recipe, arguments: dict[str, str], instruction: str, rest: str) -> None:
    known = {**arguments, **recipe.environment}
    match instruction:
        case "ARG":
            name, _, value = rest.partition("=")
            arguments[name] = _expand(value.strip("\"'"), known)
        case "ENV":
            recipe.environment.update(_pairs(rest, known))
        case "LABEL":
            recipe.labels.update(_pairs(rest, known))
        case "WORKDIR":
            recipe.workdir = posixpath.normpath(posixpath.join(recipe.workdir, _expand(rest, known)))
        case "EXPOSE":
            ports = _expand(rest, known).split()
            recipe.ports += [port if "/" in port else f"{port}/tcp" for port in ports]
        case "STOPSIGNAL":
            recipe.stop_signal = _expand(rest, known)
        case "ENTRYPOINT":
            recipe.entrypoint, recipe.command = _words(rest), []
        case "CMD":
            recipe.command = _words(rest)
        case "COPY" | "ADD":
            recipe.copies += _copy(recipe.workdir, _expand(rest, known))
        case _ if instruction not in SKIPPED:
            raise ValueError("the sandbox's images can't honour this instruction.")


def _copy(workdir: str, rest: str) -> list[Copy]:
    flags = [word for word in rest.split() if word.startswith("--")]
    body = rest[sum(len(flag) + 1 for flag in flags) :].strip() if flags else rest
    *sources, destination = json.loads(body) if body.startswith("[") else shlex.split(body)
    if not sources:
        raise ValueError("needs a source and a destination.")
    if any(flag.startswith("--from=") for flag in flags) or "://" in sources[0]:
        return []
    return [
        Copy(
            tuple(sources),
            posixpath.normpath(posixpath.join(workdir, destination)),
            destination.endswith(("/", ".")) or len(sources) > 1,
        )
    ]


def _words(rest: str) -> list[str]:
    """Return exec form as it is, and shell form as the command that Docker would run."""
    return [str(word) for word in json.loads(rest)] if rest.startswith("[") else [*SHELL, rest]


def _pairs(rest: str, known: dict[str, str]) -> dict[str, str]:
    words = shlex.split(rest)
    if "=" not in words[0]:
        name, _, value = rest.partition(" ")
        return {name: _expand(value.strip(), known)}
    return {name: _expand(value, known) for name, _, value in (w.partition("=") for w in words)}


def _expand(text: str, known: dict[str, str]) -> str:
    return _VARIABLE.sub(lambda m: known.get(m["braced"] or m["bare"], "") or m["default"] or "", text)
