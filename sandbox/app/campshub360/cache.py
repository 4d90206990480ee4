"""Redis as a cache that no request depends on: without it reads miss, and writes are dropped."""

from collections.abc import Callable
from typing import Any

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

from campshub360 import logs
from campshub360.breaker import Breaker, RefusedError

breaker = Breaker((RedisError,))


def forgiving(operation: str, fallback: object) -> Callable[..., Any]:
    """Return RedisCache's operation, which returns `fallback` while the cache is down."""
    original = getattr(RedisCache, operation)

    def attempt(self: RedisCache, *args: Any, **kwargs: Any) -> Any:
        try:
            with breaker:
                return original(self, *args, **kwargs)
        except RefusedError:
            return fallback
        except RedisError as error:
            logs.error("cache unavailable", operation=operation, detail=str(error))
            return fallback

    return attempt


class ForgivingRedisCache(RedisCache):
    add = forgiving("add", True)
    set = forgiving("set", None)
    incr = forgiving("incr", 0)
    delete = forgiving("delete", False)
    _get = forgiving("get", None)

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        value = self._get(key, None, version)
        return default if value is None else value

    def round_trip(self) -> None:
        """Write a value and read it back. Raises RedisError if that fails."""
        client = self._cache.get_client(write=True)
        client.set(key := self.make_key("round-trip"), b"1", ex=60)
        if client.get(key) != b"1":
            raise RedisError("the cache forgot what was just written to it")
