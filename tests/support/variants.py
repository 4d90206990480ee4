"""Releases of the application that are better or worse: copies of its folder, each with the smallest change.

    push(errors(percent=5), "1.1.0", tmp_path)

Each tag gets a build of its own, so that `good` is a new image with the same behaviour. A variant fails where it says
and nowhere else: health checks stay good unless they are the point, and so does the trial before any traffic.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.config import CHECKOUT
from tests.support.stack import STACK

APP = CHECKOUT / "sandbox/app"
HEALTH = "campshub360/health.py"
#: A heartbeat of this probe, written to any task, is what `errors_on_demand` waits for.
DEMAND = "let it fail"


@dataclass(frozen=True, slots=True)
class Patch:
    """Text of a file that becomes another; it must stand there exactly once."""

    path: str
    old: str
    new: str

    def apply(self, folder: Path) -> None:
        file = folder / self.path
        text = file.read_text()
        if (found := text.count(self.old)) != 1:
            raise LookupError(f"{self.path} holds {self.old!r} {found} times, so the patch is out of date: see {APP}.")
        file.write_text(text.replace(self.old, self.new))


@dataclass(frozen=True, slots=True)
class Variant:
    """An application that differs from sandbox/app by patches and by files of its own."""

    patches: tuple[Patch, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    def also(self, other: Variant) -> Variant:
        """With what another variant changes, too."""
        return Variant((*self.patches, *other.patches), {**self.files, **other.files})

    def write(self, folder: Path) -> Path:
        """Make a copy with the changes in it, in a folder that is not there yet."""
        shutil.copytree(APP, folder, ignore=shutil.ignore_patterns("__pycache__"))
        for patch in self.patches:
            patch.apply(folder)
        for path, text in self.files.items():
            (folder / path).write_text(text)
        return folder


def push(variant: Variant, tag: str, scratch: Path, repository: str = STACK) -> None:
    """Build the variant and push it as a release into a stack of the sandbox that the environment names."""
    folder = variant.write(scratch / f"app-{tag}")
    (folder / "campshub360/build.txt").write_text(f"{tag}\n")
    words = ("image", "build", str(folder), "--tag", tag, "--repository", repository)
    program = Path(sys.executable).parent / "sandbox"
    done = subprocess.run([str(program), *words], cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def good() -> Variant:
    """As it is."""
    return Variant()


def crashes_at_start() -> Variant:
    """`serve` ends with an error at once; the other commands work."""
    return Variant((Patch("campshub360/wsgi.py", "logs.configure()\n", 'raise RuntimeError("made to fail")\n'),))


def never_ready() -> Variant:
    """It serves, but /readyz stays 503."""
    return Variant((Patch(HEALTH, "return self._reached == self._state.keys()", "return False"),))


def errors(percent: float = 5) -> Variant:
    """So many percent of requests are answered 500, by chance."""
    return _failing(f"random() < {percent / 100}")


def errors_later(seconds: float, percent: float = 50) -> Variant:
    """So many seconds after its first visitor a task begins to answer 500."""
    return _failing(f"visited(request) > {seconds} and random() < {percent / 100}")


def errors_on_demand(percent: float = 50) -> Variant:
    """All its tasks begin to answer 500 when there is a heartbeat of the probe DEMAND."""
    return _failing(f"asked({DEMAND!r}) and random() < {percent / 100}")


def slow(milliseconds: int = 400) -> Variant:
    """Every answer takes so much longer."""
    return _failing(f"sleep({milliseconds / 1000})")


def ready_on_demand(probe: str) -> Variant:
    """None of its tasks is ready before there is a heartbeat of that probe: its deployment stays in SCALE_UP."""
    return Variant(
        (
            Patch(
                HEALTH,
                "class MigrationsPending",
                "from campshub360 import held\n\n\nclass MigrationsPending",
            ),
            Patch(
                HEALTH,
                'cursor.execute("SELECT 1")',
                'cursor.execute("SELECT 1")\n        held.until_let()',
            ),
        ),
        {"campshub360/held.py": HELD.replace("PROBE", probe)},
    )


HELD = '''"""This release is not ready before it is let."""

from django.db import connection


def until_let():
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM campus_heartbeat WHERE probe = %s)", ["PROBE"])
        if not cursor.fetchone()[0]:
            raise RuntimeError("it waits for a heartbeat of PROBE")
'''


def slower(times: float) -> Variant:
    """Every answer takes so many times as long as it would."""
    return _answering(SLOWER.replace("TIMES", str(times)))


def slow_path(path: str, milliseconds: int = 400) -> Variant:
    """Every answer of one path takes so much longer."""
    return _failing(f"request.path == {path!r} and sleep({milliseconds / 1000})")


def slow_later(seconds: float, milliseconds: int = 400) -> Variant:
    """So many seconds after a task's first visitor every answer begins to take so much longer."""
    return _failing(f"visited(request) > {seconds} and sleep({milliseconds / 1000})")


def one_task_errs(percent: float = 30) -> Variant:
    """Of all its tasks one, the first that is asked, answers so many percent of requests 500."""
    return _failing(f"first_task() and random() < {percent / 100}")


def lazy(milliseconds: int = 800) -> Variant:
    """The first request that a thread answers takes so much longer. The warm-up is that request, so nobody notices."""
    return _answering(LAZY.replace("SECONDS", str(milliseconds / 1000)))


def cold(milliseconds: int = 800) -> Variant:
    """The same without the warm-up: it is ready, and slow for those who come first."""
    unwarmed = Patch("campshub360/server.py", "partial(warm_up, worker.tpool, threads, worker.wsgi)", "lambda: None")
    return lazy(milliseconds).also(Variant((unwarmed,)))


def smoke_fails() -> Variant:
    """It is ready and takes heartbeats, but reads back none."""
    return Variant((Patch("campus/heartbeat.py", "Heartbeat.objects.filter(", "Heartbeat.objects.none().filter("),))


def first_page_fails() -> Variant:
    """It is ready, but the first page is an error."""
    return Variant((Patch("campus/templates/campus/index.html", "<!doctype html>", "{% include 'nowhere.html' %}"),))


def failing_migration() -> Variant:
    """`migrate` ends with an error. Its author held the migration to be harmless."""
    return _migration(
        "failing", "migrations.RunSQL('SELECT no_such_column FROM campus_student')", mark="    expand = True\n"
    )


def blocking_migration() -> Variant:
    """`migrate` needs locks, of campus_course and then of campus_student, and fails while somebody else has one."""
    column = "'x', models.IntegerField(null=True)"
    return _migration("blocking", f"migrations.AddField('course', {column}), migrations.AddField('student', {column})")


def expand_migration() -> Variant:
    """A column more, which the previous release can do without."""
    column = "models.CharField(max_length=60, null=True)"
    return Variant(
        (Patch("campus/models.py", f"    {ACTIVE}\n", f"    {ACTIVE}\n    nickname = {column}\n"),),
    ).also(_migration("nickname", f"migrations.AddField('student', 'nickname', {column})"))


def contract_migration() -> Variant:
    """A column less: this release doesn't need it, but the previous one's /api/students fails from then on."""
    return Variant(
        (
            Patch("campus/models.py", f"    {ACTIVE}\n", ""),
            Patch("campus/views.py", '"programme", "active", ', '"programme", '),
        )
    ).also(_migration("without_active", "migrations.RemoveField('student', 'active')"))


ACTIVE = "active = models.BooleanField(default=True)"


def _failing(condition: str) -> Variant:
    """It answers 500 where the condition holds, but not to health checks and in its trial."""
    return _answering(FAULT.replace("CONDITION", condition))


def _answering(module: str) -> Variant:
    """Whatever is no health check is answered by this module's function `answer`."""
    return Variant(
        (
            Patch(
                HEALTH,
                "class MigrationsPending",
                "from campshub360 import fault\n\n\nclass MigrationsPending",
            ),
            Patch(
                HEALTH,
                "return self._get_response(request)",
                "return fault.answer(request, self._get_response)",
            ),
        ),
        {"campshub360/fault.py": module},
    )


FAULT = '''"""What is wrong with this release."""

import os
from functools import cache
from random import random
from threading import Lock
from time import monotonic, sleep

from django.db import connection
from django.http import HttpResponse

BEFORE = ("campshub360-smoke-test", "campshub360-warm-up")
since = None


def answer(request, go_on):
    if request.headers.get("User-Agent") not in BEFORE and (CONDITION):
        return HttpResponse("made to fail", status=500)
    return go_on(request)


def visited(request):
    """Seconds since somebody came who was not sent to try it."""
    global since
    if since is None and "X-Test-Traffic" not in request.headers:
        since = monotonic()
    return 0.0 if since is None else monotonic() - since


turn = Lock()


def first_task():
    with turn:  # its threads ask at once
        return claimed()


@cache
def claimed():
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO campus_heartbeat (probe, sequence, received) VALUES (%s, 1, now())"
                       " ON CONFLICT DO NOTHING", ["first task of " + os.environ["APP_RELEASE"]])
        return cursor.rowcount == 1


def asked(probe):
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM campus_heartbeat WHERE probe = %s)", [probe])
        return cursor.fetchone()[0]
'''


SLOWER = '''"""How long everything takes."""

from time import monotonic, sleep

BEFORE = ("campshub360-smoke-test", "campshub360-warm-up")


def answer(request, go_on):
    begun = monotonic()
    answer = go_on(request)
    if request.headers.get("User-Agent") not in BEFORE:
        sleep((TIMES - 1) * (monotonic() - begun))
    return answer
'''

LAZY = '''"""What the first request of each thread has to wait for."""

from threading import local
from time import sleep

here = local()


def answer(request, go_on):
    if not hasattr(here, "answered"):
        here.answered = True
        sleep(SECONDS)
    return go_on(request)
'''


def _migration(name: str, operations: str, mark: str = "") -> Variant:
    text = (
        "from django.db import migrations, models\n\n\n"
        "class Migration(migrations.Migration):\n"
        f"{mark}"
        "    dependencies = [('campus', '0001_initial')]\n"
        f"    operations = [{operations}]\n"
    )
    return Variant(files={f"campus/migrations/0002_{name}.py": text})
