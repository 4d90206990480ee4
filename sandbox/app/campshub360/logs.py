"""Logging: one JSON object a line, on standard output only."""

import json
import logging
import os
import sys
from datetime import UTC, datetime
from typing import Any

from gunicorn.glogging import Logger

log = logging.getLogger("campshub360")


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "release": os.environ.get("APP_RELEASE"),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class GunicornLogger(Logger):
    """Log Gunicorn's own lines, and one for each request except health checks that succeed."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for logger in (self.error_log, self.access_log):
            logger.handlers = [handler()]

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        status, path = int(str(resp.status).split()[0]), environ["PATH_INFO"]
        if status == 200 and path in ("/healthz", "/readyz"):
            return
        fields = {
            "method": environ["REQUEST_METHOD"],
            "path": path,  # without the query: what people search for stays out of the logs
            "status": status,
            "ms": round(request_time.total_seconds() * 1000, 1),
            "bytes": resp.sent,
            "client": environ.get("HTTP_X_FORWARDED_FOR", environ.get("REMOTE_ADDR")),
            "trace": environ.get("HTTP_X_AMZN_TRACE_ID"),
        }
        self.access_log.info("request", extra={"fields": fields})


def handler() -> logging.Handler:
    stream = logging.StreamHandler(sys.stdout)
    stream.setFormatter(JsonFormatter())
    return stream


def configure() -> None:
    logging.captureWarnings(True)
    logging.basicConfig(level=logging.INFO, handlers=[handler()], force=True)
    logging.getLogger("botocore").setLevel(logging.WARNING)
    logging.getLogger("django.request").setLevel(logging.ERROR)  # the access log has the 4xx


def info(message: str, **fields: object) -> None:
    log.info(message, extra={"fields": fields})


def error(message: str, **fields: object) -> None:
    log.error(message, extra={"fields": fields})


def exception(message: str, **fields: object) -> None:
    log.exception(message, extra={"fields": fields})
