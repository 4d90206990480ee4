"""`verify`: check that all dependencies of this release answer the application's own user."""

import time
import uuid
from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection

from campshub360 import logs
from campshub360.health import pending_migrations


def run(options: list[str]) -> int:
    checks = [check(test) for test in (database, migrations, round_trip, static_files, media_files, counts)]
    passed = all(one["passed"] for one in checks)
    (logs.info if passed else logs.error)("verified" if passed else "not verified", checks=checks)
    return 0 if passed else 1


def check(test: Callable[[], Any]) -> dict[str, Any]:
    started = time.monotonic()
    try:
        passed, detail = True, test()
    except Exception as error:
        passed, detail = False, f"{type(error).__name__}: {error}".strip()
    milliseconds = round((time.monotonic() - started) * 1000, 1)
    return {"check": test.__name__, "passed": passed, "ms": milliseconds, "detail": detail}


def database() -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_setting('server_version')")
        user, version = cursor.fetchone()
    return {"user": user, "version": version}


def migrations() -> str:
    pending = pending_migrations()
    if pending:
        raise RuntimeError(f"not applied: {', '.join(pending)}. Run the command migrate.")
    return "all applied"


def round_trip() -> str:
    cache.round_trip()
    return "cache wrote and read"


def static_files() -> str:
    files = staticfiles_storage.hashed_files
    if not files:
        name = staticfiles_storage.manifest_name
        raise RuntimeError(f"no manifest {name}. Run the command collectstatic.")
    return f"{len(files)} files"


def media_files() -> str:
    name = default_storage.save(f"verify/{uuid.uuid4()}", ContentFile(b"verify"))
    try:
        with default_storage.open(name) as file:
            if file.read() != b"verify":
                raise RuntimeError(f"{name} reads otherwise than it was written")
    finally:
        default_storage.delete(name)
    return "wrote, read and removed one"


def counts() -> dict[str, int]:
    """Return the number of rows by model, for comparison after a restore."""
    return {model.__name__: model.objects.count() for model in apps.get_app_config("campus").models.values()}
