"""The response to a client while the database is down."""

from django.db import InterfaceError, OperationalError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from campshub360 import logs


def handle(error: Exception, context: dict) -> Response | None:
    """Return 503 with Retry-After if the database can't be reached, and DRF's response otherwise."""
    if isinstance(error, OperationalError | InterfaceError):
        logs.error("database unavailable", detail=str(error).strip())
        return Response({"detail": "Try again."}, status=503, headers={"Retry-After": "1"})
    return exception_handler(error, context)
