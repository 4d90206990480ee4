"""/healthz and /readyz, and the release in every response.

A process is ready when it has reached the database (with all migrations applied) and the cache once, and each of its
threads has answered requests: ready is warm. From then on /readyz stays 200 and only *reports* what is down. If it
failed with the database, a failover would take all tasks out of the load balancer and replace them, although nothing is
wrong with them.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse


class MigrationsPendingError(Exception):
    """The database lacks migrations of this release."""


class Readiness:
    """Check the dependencies once a second, in a thread of its own, so that a health check never waits."""

    def __init__(self) -> None:
        self._state = {"database": "not reached yet", "cache": "not reached yet", "threads": "cold"}
        self._reached: set[str] = set()

    @property
    def ready(self) -> bool:
        return self._reached == self._state.keys()

    def report(self) -> dict[str, str]:
        return dict(self._state)

    def start(self, warm_up: Callable[[], None]) -> None:
        """Start checking. warm_up: warms this process's threads, as soon as their dependencies are there."""
        threading.Thread(target=self._watch, args=(warm_up,), name="readiness", daemon=True).start()

    def _watch(self, warm_up: Callable[[], None]) -> None:
        while True:
            self._look("database", self._database)
            self._look("cache", cache.round_trip)
            if self._reached == {"database", "cache"}:
                self._look("threads", warm_up)
            time.sleep(1)

    def _look(self, name: str, check: Callable[[], None]) -> None:
        try:
            check()
        except Exception as error:
            self._state[name] = f"{type(error).__name__}: {error}".strip()
        else:
            self._reached.add(name)
            self._state[name] = "ok"

    def _database(self) -> None:
        connection.close_if_unusable_or_obsolete()
        if "database" not in self._reached and (pending := pending_migrations()):
            raise MigrationsPendingError(", ".join(pending))
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")


def pending_migrations() -> list[str]:
    """Return the migrations of this release that the database lacks, as `app.name`."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


readiness = Readiness()


class HealthMiddleware:
    """Answer health checks first: the load balancer calls tasks by address, which ALLOWED_HOSTS refuses."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._answer(request)
        response["X-Release"] = settings.ENVIRONMENT.app_release
        return response

    def _answer(self, request: HttpRequest) -> HttpResponse:
        body: dict[str, Any] = {"release": settings.ENVIRONMENT.app_release}
        match request.path:
            case "/healthz":
                return JsonResponse({"status": "alive", **body})
            case "/readyz":
                ready = readiness.ready
                body["status"] = "ready" if ready else "starting"
                return JsonResponse({**body, **readiness.report()}, status=200 if ready else 503)
            case _:
                return self._get_response(request)
