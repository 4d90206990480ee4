"""Handle a call: identify it and its caller, refuse it or pass it to moto, write it to the journal."""

from __future__ import annotations

import io
import logging
import shutil
import time
from typing import Any

from flask import Flask
from moto.backends import list_of_moto_modules
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import run_wsgi_app

from sandbox.aws_api import errors
from sandbox.aws_api.calls import Call, identify
from sandbox.aws_api.errors import Answer
from sandbox.aws_api.faults import FaultInjection
from sandbox.aws_api.journal import Journal
from sandbox.aws_api.principals import Principals
from sandbox.aws_api.state import State
from sandbox.faults import NO_FAULTS, Faults

ROOM = 8 << 20  # bytes: what carrying out a call may write, and then some

log = logging.getLogger("sandbox")


class Api:
    """The application that HttpsServer serves."""

    def __init__(self, state: State, principals: Principals, journal: Journal, faults: Faults = NO_FAULTS) -> None:
        self._state = state
        self._principals = principals
        self._journal = journal
        self._faults = FaultInjection(faults)
        self._services = _Services(create_backend_app)

    def __call__(self, environ: dict[str, Any], body: bytes) -> Answer:
        begun = time.perf_counter()
        environ["wsgi.input"] = io.BytesIO(body)
        call = identify(environ, body)
        principal = self._principals.arn(call.access_key) if call.access_key else None
        environ["wsgi.input"] = io.BytesIO(body)
        answer = self._refuse(call, principal, environ) or self._handle(call, environ)
        if call.mutating:
            self._state.changed.set()
        self._journal.write(call, principal, answer.status, time.perf_counter() - begun)
        return answer

    def _refuse(self, call: Call, principal: str | None, environ: dict[str, Any]) -> Answer | None:
        content_type = environ.get("CONTENT_TYPE", "")
        if call.access_key is None:
            return errors.not_signed(call, content_type)
        if principal is None:
            return errors.unknown_key(call, content_type)
        if not call.identified:
            return errors.not_emulated(call, content_type)
        if call.mutating and shutil.disk_usage(self._journal.folder).free < ROOM:
            return errors.no_room(call, content_type, self._journal.folder)
        return self._faults.answer(call, content_type)

    def _handle(self, call: Call, environ: dict[str, Any]) -> Answer:
        content_type = environ.get("CONTENT_TYPE", "")
        try:
            service = self._services.find(environ)
            if service is None:
                return errors.not_emulated(call, content_type)
            with self._state.lock:
                answer = _run(service, environ)
        except NotImplementedError:
            return errors.not_emulated(call, content_type)
        except Exception as failure:
            log.exception("%s:%s failed", call.service, call.operation)
            return errors.failed(call, content_type, failure)
        return errors.not_emulated(call, content_type) if _unrouted(answer) else answer


class _Services(DomainDispatcherApplication):  # type: ignore[misc]  # moto is untyped
    """moto's services, without its own /moto-api and instance metadata paths."""

    def find(self, environ: dict[str, Any]) -> Flask | None:
        # Only S3 signs in the query string (presigned URLs), where moto doesn't look.
        host = self.infer_service_region_host(environ, environ["PATH_INFO"]) or "s3.amazonaws.com"
        backend = self.get_backend_for_host(host)
        if backend not in list_of_moto_modules():
            return None
        with self.lock:
            if backend not in self.app_instances:
                self.app_instances[backend] = self.create_app(backend)
            service: Flask = self.app_instances[backend]
            return service


def _run(service: Flask, environ: dict[str, Any]) -> Answer:
    chunks, status, headers = run_wsgi_app(service, environ, buffered=True)
    kept = [(k, v) for k, v in headers.items() if k.lower() not in ("server", "date", "connection")]
    if environ["REQUEST_METHOD"] != "HEAD":
        kept = [(k, v) for k, v in kept if k.lower() != "content-length"]
    return Answer(int(status[:3]), kept, b"".join(chunks))


def _unrouted(answer: Answer) -> bool:
    """Return whether the answer is Flask's page for a path or method without a route: no AWS service sends HTML."""
    return answer.status in (404, 405) and answer.body.startswith(b"<!doctype html")
