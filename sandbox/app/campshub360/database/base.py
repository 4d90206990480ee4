"""Django's PostgreSQL backend; while the database is down, requests fail at once."""

from typing import Any

from django.db.backends.postgresql import base
from psycopg import OperationalError

from campshub360.breaker import Breaker, RefusedError

breaker = Breaker((OperationalError,))


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        try:
            with breaker:
                return super().get_new_connection(conn_params)
        except RefusedError:
            raise OperationalError("The database was unreachable a moment ago.") from None
