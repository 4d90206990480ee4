"""What a client is told when the database is away."""

from django.db import InterfaceError, OperationalError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from campshub360 import logs


def handle(error: Exception, context: dict) -> Response | None:
    """503 with Retry-After for a database that can't be reached; DRF's answer for the rest."""
    if isinstance(error, OperationalError | InterfaceError):
        logs.error("database unavailable", detail=str(error).strip())
        return Response({"detail": "Try again."}, status=503, headers={"Retry-After": "1"})
    return exception_handler(error, context)
