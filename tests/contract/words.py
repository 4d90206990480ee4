"""A concept has one word, that of docs/glossary.md; the words that it lists as retired stand nowhere else."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from tests.contract.files import texts
from tests.contract.rule import CHECKOUT, Broken, Sound, rule

GLOSSARY = "docs/glossary.md"
# Each of these has to hold retired words.
# AWS's own descriptions stand in the table of parameters.
WITHOUT = (GLOSSARY, "tests/contract/words.py", "requirements.lock", "LICENSE", "sandbox/services/rds/parameters-")

Piece = tuple[int, str, str]  # line number, kind ("text", "name" or "key") and the piece itself

PLACES = {"anywhere": {"text", "name", "key"}, "text": {"text"}, "names": {"name", "key"}, "keys": {"key"}}
WHOLE = {"names", "keys"}
BETWEEN = r"(?:[\s_#>*\"'`-]+|[./](?=\w))"  # what separates the words of a phrase: no comma, and no end of a sentence
URL = re.compile(r"https?://[^\s)>]+")
HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
QUOTED_KEY = re.compile(r"""["']([a-z_]+)["']\s*:""")
YAML_KEY = re.compile(r"(?:^\s*(?:-\s+)?|[{,]\s*)([A-Za-z_]+):(?=\s|$)", re.MULTILINE)
CODE = re.compile(r"`([A-Za-z_]+)`")


@dataclass(frozen=True, slots=True)
class Retired:
    """A row of the glossary's table: phrases, where they are retired, what is allowed, and what to say instead."""

    phrases: tuple[str, ...]
    where: str
    allowed: re.Pattern[str]
    say: str

    def found(self, piece: str) -> Iterator[tuple[int, str]]:
        """Yield the offset and the phrase for each retired phrase of a piece."""
        if self.where in WHOLE:
            name = HUMP.sub("_", piece).lower()
            yield from ((0, phrase) for phrase in self.phrases if fnmatchcase(name, phrase))
            return
        spaced = self.allowed.sub(lambda found: re.sub(r"\S", " ", found[0]), HUMP.sub(" ", piece))
        for phrase in self.phrases:
            yield from ((match.start(), phrase) for match in compiled(phrase).finditer(spaced))


@cache
def compiled(phrase: str) -> re.Pattern[str]:
    return re.compile(pattern(phrase), re.IGNORECASE)


def pattern(phrase: str) -> str:
    """Return the regular expression that finds a phrase in a text or inside a name; a star stands for any letters."""
    words = [re.sub(r"\*", "[a-z0-9]*", word) for word in re.findall(r"[A-Za-z0-9*]+", phrase)]
    return rf"(?<![A-Za-z0-9]){BETWEEN.join(words)}(?![A-Za-z0-9])"


def rows(root: Path, heading: str) -> list[list[str]]:
    """Return the cells of the table below a heading of the glossary, without its head."""
    path = root / GLOSSARY
    part = path.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0] if path.exists() else ""
    table = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def retired(root: Path) -> list[Retired]:
    """Return the glossary's retired words."""
    found = []
    for phrases, where, allowed, say in (row for row in rows(root, "Retired words") if len(row) == 4):
        good = [pattern(one) for one in re.findall(r"`([^`]+)`", allowed)]
        found.append(
            Retired(
                tuple(re.findall(r"`([^`]+)`", phrases)),
                where,
                re.compile("|".join(good) or r"(?!)", re.IGNORECASE),
                say,
            )
        )
    return found


def pieces(name: str, text: str) -> Iterator[Piece]:
    """Yield what people read of a file: its texts, its names and its keys."""
    for part in Path(name).with_suffix("").parts:
        yield 0, "name", part
    if name.endswith(".py"):
        yield from python_pieces(text)
        return
    yield 1, "text", text
    keys = YAML_KEY if name.endswith((".yml", ".yaml")) else QUOTED_KEY
    yield from keyed(keys, text, 1)
    yield from ((line_of(text, found.start()), "name", found[1]) for found in CODE.finditer(text))


def keyed(keys: re.Pattern[str], text: str, first: int) -> Iterator[Piece]:
    """Yield the keys of a YAML or JSON text that begins at a line."""
    for found in keys.finditer(text):
        yield first - 1 + line_of(text, found.start(1)), "key", found[1]


def line_of(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def python_pieces(text: str) -> Iterator[Piece]:
    """Yield comments, strings, and the names and keys that a Python file defines; of AWS's keys (`Limits`) none."""
    yield from comments(text)
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Constant(value=str(value), lineno=line):
                yield line, "text" if re.search(r"\s", value) else "name", value
                if "\n" in value:
                    yield from keyed(YAML_KEY, value, line)
            case (
                ast.Name(id=name, ctx=ast.Store(), lineno=line) | ast.Attribute(attr=name, ctx=ast.Store(), lineno=line)
            ):
                yield line, "name", name
            case ast.arg(arg=name, lineno=line) | ast.FunctionDef(name=name, lineno=line):
                yield line, "name", name
            case ast.ClassDef(name=name, lineno=line, body=body):
                yield line, "name", name
                for field in body:
                    match field:
                        case ast.AnnAssign(target=ast.Name(id=key), lineno=at):
                            yield at, "key", key
            case ast.Dict(keys=keys):
                yield from (
                    (one.lineno, "key", str(one.value))
                    for one in keys
                    if isinstance(one, ast.Constant) and str(one.value).islower()
                )
            case ast.Subscript(slice=ast.Constant(value=str(key)), lineno=line) if key.islower():
                yield line, "key", key


def comments(text: str) -> Iterator[Piece]:
    """Yield a file's comments; lines of comments that follow each other are one."""
    begun = 0
    said: list[str] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            if said and token.start[0] != begun + len(said):
                yield begun, "text", "\n".join(said)
                said = []
            begun = token.start[0] - len(said)
            said.append(token.string)
    if said:
        yield begun, "text", "\n".join(said)


def in_words(text: str, **more: str) -> dict[str, str]:
    """Return a checkout with the real glossary, a page with such a text, and more files."""
    return {GLOSSARY: (CHECKOUT / GLOSSARY).read_text(), "docs/x.md": text, **more}


def in_python(text: str) -> dict[str, str]:
    return in_words("", **{"ops/x.py": text})


def in_yaml(text: str, name: str = "roles/x/tasks/main.yml") -> dict[str, str]:
    return in_words("", **{name: text})


@rule(
    # pages: the retired senses, over line ends and in any letters
    Broken("docs/x.md:1: `estate`", in_words("The Estate is built")),
    Broken("docs/x.md:2: `stand* in the way`", in_words("# A\nWhat stands in\nthe way is said")),
    Broken("docs/x.md:1: `leader`", in_words("A dead leader's deployment")),
    Broken("docs/x.md:1: `lead* the deployment`", in_words("Whoever leads the deployment")),
    Broken("docs/x.md:1: `each stop`", in_words("At each stop, it looks")),
    Broken("docs/x.md:1: `trial`", in_words("its trial had passed")),
    Broken("docs/x.md:1: `gate`", in_words("| judged by the `gate` |")),
    Broken("docs/x.md:1: `judged`", in_words("green is judged")),
    Broken("docs/x.md:1: `verdict`", in_words("It is no verdict.")),
    Broken("docs/x.md:1: `evidence`", in_words("where the evidence is")),
    Broken("docs/x.md:1: `audit`", in_words("the audit says")),
    Broken("docs/x.md:1: `audit`", in_words("objects below `audit/`")),
    Broken("docs/x.md:1: `on record`", in_words("the last ten on record")),
    Broken("docs/x.md:1: `look* from outside`", in_words("it looks from outside")),
    Broken("docs/x.md:1: `stolen`", in_words("a stolen lock")),
    Broken("docs/x.md:1: `break* the lock`", in_words("Break the lock of a stack")),
    Broken("docs/x.md:1: `keep* operators off`", in_words("It keeps operators off each other")),
    Broken("docs/x.md:1: `given up`", in_words("a database that was not given up")),
    Broken("docs/x.md:1: `mendable`", in_words("in process, mendable")),
    Broken("docs/x.md:1: `make* true`", in_words("controllers make true what the API was told")),
    Broken("docs/x.md:1: `contract migration*`", in_words("a contract migration")),
    Broken("docs/x.md:1: `headline`", in_words("the headline of a failure")),
    Broken('docs/x.md:1: `why`', in_words('{"why": "it failed"}')),
    # YAML: names of tasks, messages, options and results
    Broken("main.yml:1: `verdict`", in_yaml("- name: Show the verdict\n")),
    Broken("main.yml:3: `problems`", in_yaml("- name: A\n  ansible.builtin.assert:\n    fail_msg: Several problems\n")),
    Broken("main.yml:1: `evidence`", in_yaml("- {name: A, register: __x_evidence}\n")),
    Broken("specs.yml:1: `record`", in_yaml("argument_specs: {main: {options: {record: {}}}}", "roles/x/specs.yml")),
    Broken("main.yml:1: `given up`", in_yaml("x_given_up: false\n")),
    # Python: identifiers, docstrings, messages, comments, options and results, names of files
    Broken("ops/x.py:1: `verdict`", in_python("class ReleaseVerdict: ...")),
    Broken("ops/x.py:1: `judge`", in_python("def judge_all(): ...")),
    Broken("ops/x.py:1: `sweep_*`", in_python("def sweep_tags(): ...")),
    Broken("ops/x.py:1: `*_wanted`", in_python("tags_wanted = 1")),
    Broken("ops/x.py:1: `not_yet`", in_python("not_yet = ()")),
    Broken("ops/x.py:1: `problem`", in_python("for problem in found: ...")),
    Broken("ops/x.py:1: `outside`", in_python("def outside(): ...")),
    Broken("ops/x.py:1: `words`", in_python('result = {"words": ""}')),
    Broken("ops/x.py:1: `words`", in_python('print(event["words"])')),
    Broken("ops/x.py:2: `why`", in_python("class Facts:\n    why: str")),
    Broken("ops/x.py:2: `limits`", in_python("class Analysis:\n    limits: str")),
    Broken("ops/x.py:1: `contract`", in_python('print(facts["contract"])')),
    Broken("ops/x.py:1: `patiently`", in_python('"""Call it patiently."""')),
    Broken("ops/x.py:2: `leader`", in_python("#\n# what a dead leader left\n")),
    Broken("ops/x.py:2: `mended`", in_python('raise ValueError(\n    f"{a} is mended"\n)')),
    Broken("ops/x.py:2: `record`", in_python('D = """options:\n  record: {type: str}\n"""')),
    Broken("ops/prober.py: `prober`", in_words("", **{"ops/prober.py": ""})),
    Broken("tests/support/outside.py: `outside`", in_words("", **{"tests/support/outside.py": ""})),
    # and the field's and the language's own uses of the same letters
    Sound(in_words("[The application's contract](app-contract.md); contract tests in `tests/contract`")),
    Sound(in_words("An alias record, the record of the zone, DNS records. Record the release. Expand the variables")),
    Sound(in_words("Requests from outside reach the load balancer; outside the VPC nothing does. Outside check mode")),
    Sound(in_words("A NAT gateway delegates; a floodgate; the aggregate")),
    Sound(in_words("An alias leads to the load balancer, and the reader endpoint leads to the others")),
    Sound(in_words("Stop the release. It stops where it is. A task's stop reason; `stopTimeout`")),
    Sound(in_words("Two words. In AWS's own words. Why not Lambda: see why. The reason is in the sentence")),
    Sound(in_words("Name limits of AWS: 32 characters. A rate limit. The problem is solved. Known problems of moto")),
    Sound(in_words("Recommended; amended; commend. An audit log, `audit-log/`, `audit_log`, an audit trail. Auditors")),
    Sound(in_words("ECS has given up. Retries are given up after a minute. It gives up waiting")),
    Sound(in_words("In binomial trials. CPU steal time. What is not yet there is wanted by nobody")),
    Sound(in_words("An industrial estimate; https://example.org/judge/evidence?audit=1 is an address")),
    Sound(in_words("A breaking change. A circuit breaker. The lock is in the way of nobody. A way that stands open")),
    Sound(in_words("It is true. What makes it so is true, too. Look here. Then look. Blue stands by in the bake")),
    Sound(in_yaml("- {name: Record the release, when: a, reason: b, delegate_to: c}\n")),
    Sound(in_yaml("records: {alias: 1}\nrecord_type: A\nlimit: 1\nword: x\n", "playbooks/x.yml")),
    Sound(in_python('words = text.split()\nwhy = "so"\nrecord = dns_records[0]\nlimits = quotas["Limits"]')),
    Sound(in_python('import os\nleader, follower = os.openpty()\nos.path.expanduser("~")\na["Record"] = 1')),
    Sound(in_python('"""Return what tests.contract expects; os.path.expandvars."""\nunwanted = delegate = 1')),
    Sound(in_python("def test_what_comes_from_outside_is_not_yet_there(): ...\nfrom tests.contract import files")),
    Sound(in_python('"""Return the process group leader\'s id."""')),
    Sound(in_python('def sweep(): """End the processes that were left."""')),
)  # fmt: skip
def no_retired_word_is_used(root: Path) -> Iterator[str]:
    words = retired(root)

    @cache  # most names stand in many files
    def found(kind: str, piece: str) -> list[tuple[int, str, str]]:
        readable = URL.sub(lambda url: " " * len(url[0]), piece)
        mine = [one for one in words if kind in PLACES.get(one.where, ())]
        return [(offset, phrase, one.say) for one in mine for offset, phrase in one.found(readable)]

    for name, text in texts(root):
        if name.startswith(WITHOUT):
            continue
        reported = set()
        for line, kind, piece in pieces(name, text):
            for offset, phrase, say in found(kind, piece):
                at = line + piece.count("\n", 0, offset) if line else 0
                reported.add((at, phrase, say))
        for at, phrase, say in sorted(reported):
            yield f"{name}{f':{at}' if at else ''}: `{phrase}` is retired: {say} ({GLOSSARY})"


HEAD = """# Glossary

## Words

| Word | Meaning | From |
|---|---|---|
%s
## Retired words

| Retired | Where | But not | Say |
|---|---|---|---|
%s"""
WORD = "| stack | One deployed copy | [CloudFormation](https://docs.aws.amazon.com/a) |\n"


@rule(
    Broken("has no page", {GLOSSARY: HEAD % ("| stack | One deployed copy | CloudFormation |\n", "")}),
    Broken("no meaning", {GLOSSARY: HEAD % ("| stack | | [A](https://a.example/) |\n", "")}),
    Broken("`pile`", {GLOSSARY: HEAD % (WORD, "| `heap` | anywhere | | pile |\n")}),
    Broken("`everywhere`", {GLOSSARY: HEAD % (WORD, "| `heap` | everywhere | | stack |\n")}),
    Broken("names no word", {GLOSSARY: HEAD % (WORD, "| heap | anywhere | | stack |\n")}),
    Broken("has no list", {GLOSSARY: "# Glossary\n"}),
    Sound({GLOSSARY: HEAD % (WORD, "| `heap` | anywhere | `heap of sand` | stack |\n")}),
)
def the_glossary_is_whole(root: Path) -> Iterator[str]:
    words = rows(root, "Words")
    known = {word for row in words for word in row[0].split(", ")}
    if not words or not rows(root, "Retired words"):
        yield f"{GLOSSARY} has no list of words, or none of retired ones"
    for word, meaning, page in words:
        if not meaning:
            yield f"{GLOSSARY}: {word} has no meaning"
        if "](" not in page:
            yield f"{GLOSSARY}: {word} has no page that it comes from"
    for one in retired(root):
        if not one.phrases:
            yield f"{GLOSSARY}: a row of the retired words names no word"
        if one.where not in PLACES:
            yield f"{GLOSSARY}: `{one.where}` is none of {', '.join(PLACES)}"
        for word in set(one.say.split(", ")) - known:
            yield f"{GLOSSARY}: `{word}` is to be said, and no word of the list"
