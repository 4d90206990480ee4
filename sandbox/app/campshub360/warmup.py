"""Warm up: every thread of the server answers requests before users do.

A thread's first request opens its connections to database and cache and creates its S3 client. Gunicorn's gthread
worker creates a thread when it is first needed, so the first users of a new task would wait. Here each thread answers a
few requests first, through the same WSGI application.
"""

from collections.abc import Callable
from concurrent.futures import Executor
from threading import Barrier, Lock
from time import monotonic
from typing import Any
from wsgiref.util import setup_testing_defaults

from django.conf import settings
from django.core.cache import cache
from django.db import connection

from campshub360 import logs

# A connection on which nothing comes keeps a thread of gthread's for 5 s.
TOGETHER_SECONDS = 15.0
USER_AGENT = "campshub360-warm-up"


def warm_up(pool: Executor, threads: int, application: Callable[..., Any]) -> None:
    """Let each thread connect to database and cache and answer requests. Raises the error of a thread that can't."""
    begun = monotonic()

    def work() -> None:
        connection.ensure_connection()
        cache.round_trip()
        for path, headers in requests():
            ask(application, path, headers)

    in_each_thread(pool, threads, work)
    logs.info("threads are warm", threads=threads, seconds=round(monotonic() - begun, 3))


def requests() -> list[tuple[str, dict[str, str]]]:
    """Return paths and headers of requests that use all that is created lazily, and write nothing."""
    return [
        ("/", {}),  # templates, static files
        ("/api/students", {"HTTP_COOKIE": f"{settings.SESSION_COOKIE_NAME}=nobody-is-warming-up"}),  # sessions
        (
            "/api/heartbeat?probe=warm-up",
            {"HTTP_AUTHORIZATION": f"Bearer {settings.ENVIRONMENT.heartbeat_token}"},
        ),
    ]


def in_each_thread(pool: Executor, threads: int, work: Callable[[], None]) -> None:
    """Run the work once in every thread of a pool of that many, and raise a thread's error.

    One after the other: what they share, such as a compiled template, is created once.
    """
    together, turn = Barrier(threads), Lock()

    def once() -> None:
        together.wait(TOGETHER_SECONDS)  # a thread that waits takes no second part, so there must be as many of them
        with turn:
            work()

    for done in [pool.submit(once) for _ in range(threads)]:
        done.result()


def ask(application: Callable[..., Any], path: str, headers: dict[str, str]) -> None:
    """Have a GET answered. Whether the answer is good is for the smoke test to check."""
    path, _, query = path.partition("?")
    environ = {"PATH_INFO": path, "QUERY_STRING": query, "HTTP_HOST": settings.ALLOWED_HOSTS[0], **headers}
    environ |= {"HTTP_USER_AGENT": USER_AGENT, "wsgi.url_scheme": "https"}
    setup_testing_defaults(environ)
    answer = application(environ, lambda *_: None)
    try:
        for _ in answer:
            pass
    finally:
        answer.close()  # Django's request ends here, and it decides whether connections are kept
