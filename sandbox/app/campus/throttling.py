"""Rate limits, counted in the cache; without the cache all requests pass."""

import time

from django.conf import settings
from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

WINDOW = 60


class ClientThrottle(BaseThrottle):
    """Limit a user, or an address without a session, to RATE_LIMIT requests a minute."""

    scope = "api"

    @property
    def limit(self) -> int:
        return settings.ENVIRONMENT.rate_limit

    def allow_request(self, request: Request, view: object) -> bool:
        window = int(time.time()) // WINDOW
        key = f"rate:{self.scope}:{request.user.pk or self.get_ident(request)}:{window}"
        try:
            return cache.incr(key) <= self.limit
        except ValueError:  # the first in this minute
            cache.add(key, 1, 2 * WINDOW)
            return True

    def wait(self) -> float:
        return WINDOW - time.time() % WINDOW


class LoginThrottle(ClientThrottle):
    """Limit login attempts, so that guessing passwords is slow."""

    scope = "login"
    limit = 20
