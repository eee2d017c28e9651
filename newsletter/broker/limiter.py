"""Limit how often one client may do a thing: over all processes with Redis, within one process without."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property

import redis
from limits import (
    RateLimitItem,
    RateLimitItemPerDay,
    RateLimitItemPerHour,
    RateLimitItemPerMinute,
    RateLimitItemPerSecond,
)
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter

from newsletter.runtime import logs
from newsletter.runtime.clock import Clock, SystemClock

_PATIENCE = 0.25  # seconds to connect, and again to answer
_PAUSE = 30.0  # seconds without Redis after it has failed, so that it slows one request and not all
_KEY_PREFIX = "nl:limits"
_log = logs.get(__name__)


@dataclass(frozen=True)
class Limit:
    """Say how often one client may do a thing, 0 = any number; ``name`` keeps different things apart."""

    name: str
    per_minute: int = 0
    per_hour: int = 0
    per_ten_seconds: int = 0
    per_day: int = 0

    @property
    def items(self) -> tuple[RateLimitItem, ...]:
        """Return the limit in the library's terms."""
        found = (
            RateLimitItemPerSecond(self.per_ten_seconds, 10),
            RateLimitItemPerMinute(self.per_minute),
            RateLimitItemPerHour(self.per_hour),
            RateLimitItemPerDay(self.per_day),
        )
        return tuple(item for item in found if item.amount)


class Limiter:
    """Count what clients do; safe to share between threads, and never the reason that a request fails."""

    def __init__(self, url: str = "", *, clock: Clock | None = None) -> None:
        """Take a broker URL as the bell does, or none to count in this process only."""
        self._url = url.replace("redis+socket://", "redis+unix://", 1)
        self._clock = clock or SystemClock()
        self._local = MovingWindowRateLimiter(MemoryStorage())
        self._retry_at = 0.0
        self._lock = threading.Lock()

    def allows(self, limit: Limit, client: str) -> bool:
        """Count one more of a thing and say whether the client may do it."""
        if self._may_use_redis():
            try:
                return _hit(self._shared, limit, client)
            except redis.RedisError as error:
                self._pause(error)
        return _hit(self._local, limit, client)

    def has_room(self, limit: Limit, client: str) -> bool:
        """Say whether the client might do a thing, and count nothing."""
        if self._may_use_redis():
            try:
                return _test(self._shared, limit, client)
            except redis.RedisError as error:
                self._pause(error)
        return _test(self._local, limit, client)

    @cached_property
    def _shared(self) -> MovingWindowRateLimiter:
        storage = RedisStorage(
            self._url, key_prefix=_KEY_PREFIX, socket_connect_timeout=_PATIENCE, socket_timeout=_PATIENCE
        )
        return MovingWindowRateLimiter(storage)

    def _may_use_redis(self) -> bool:
        with self._lock:
            return bool(self._url) and self._clock.monotonic() >= self._retry_at

    def _pause(self, error: redis.RedisError) -> None:
        with self._lock:
            self._retry_at = self._clock.monotonic() + _PAUSE
        _log.warning("limits_without_redis", error=type(error).__name__)


def _hit(limiter: MovingWindowRateLimiter, limit: Limit, client: str) -> bool:

    return all(limiter.hit(item, limit.name, client) for item in limit.items)


def _test(limiter: MovingWindowRateLimiter, limit: Limit, client: str) -> bool:
    return all(limiter.test(item, limit.name, client) for item in limit.items)
