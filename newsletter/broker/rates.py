"""Share rates between all senders: tokens from Redis, or this process's part of each rate where there is none.

Redis is asked four times a second, for all rates at once. It never stops a sender: whoever asks waits at most a quarter
of a second, then takes rate / processes for half a minute before Redis is asked again.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from functools import cached_property
from queue import SimpleQueue

import redis
from redis.commands.core import Script

from newsletter.domain import rates
from newsletter.domain.rates import BURST, RESERVE, Ask, Lot, Tokens
from newsletter.runtime import logs
from newsletter.runtime.clock import Clock, SystemClock

_PATIENCE = 0.2  # seconds that a sender waits, finding the host and connecting included
_PAUSE = 30.0  # seconds without Redis after it has failed
_KEY_PREFIX = "nl:rates:"
_log = logs.get(__name__)

# domain/rates.py in Lua, at Redis's own time, so that the clocks of the senders need not agree. What is not used for so
# long that it is full again is forgotten.
_TAKE = """
local reserve, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local lots = {}
for i, key in ipairs(KEYS) do
  local rate, bulk, urgent = tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1]), tonumber(ARGV[3 * i + 2])
  local bulk_rate, urgent_rate = rate * (1 - reserve), rate * reserve
  local bulk_most, urgent_most = math.max(1, bulk_rate * burst), math.max(1, urgent_rate * burst)
  local bucket = redis.call('HMGET', key, 'bulk', 'urgent', 'at')
  local at = tonumber(bucket[3] or now)
  local elapsed = math.max(0, now - at)
  local has_bulk = math.min(bulk_most, tonumber(bucket[1] or bulk_most) + bulk_rate * elapsed)
  local has_urgent = math.min(urgent_most, tonumber(bucket[2] or urgent_most) + urgent_rate * elapsed)
  local own = math.min(urgent, math.floor(has_urgent))
  local borrowed = math.min(urgent - own, math.floor(has_bulk))
  has_bulk = has_bulk - borrowed
  local got = math.min(bulk, math.floor(has_bulk))
  redis.call('HSET', key, 'bulk', string.format('%.6f', has_bulk - got),
    'urgent', string.format('%.6f', has_urgent - own), 'at', string.format('%.6f', math.max(at, now)))
  redis.call('PEXPIRE', key, math.ceil(60000 + 1000 * urgent_most / urgent_rate))
  lots[2 * i - 1] = got
  lots[2 * i] = own + borrowed
end
return lots
"""


class Rates:
    """Take tokens of shared rates; for one thread, and made anew after a fork."""

    def __init__(self, url: str = "", *, processes: int = 1, clock: Clock | None = None) -> None:
        """Take a broker URL as the bell does, or none; ``processes`` is how many senders share without Redis."""
        self._url = url.replace("redis+socket://", "unix://", 1)
        self._processes = processes
        self._clock = clock or SystemClock()
        self._own: dict[str, Tokens] = {}
        self._retry_at = 0.0
        self._is_away = False

    def lots(self, asks: Sequence[Ask]) -> list[Lot]:
        """Return what each ask gets, at most what it asks for; never raises and never waits long."""
        if not asks:
            return []
        if self._url and self._clock.monotonic() >= self._retry_at:
            shared = self._shared(asks)
            if shared is not None:
                return shared
        return [self._part(ask) for ask in asks]

    def _shared(self, asks: Sequence[Ask]) -> list[Lot] | None:
        future: Future[list[Lot]] = Future()
        self._questions.put((future, asks))
        try:
            lots = future.result(_PATIENCE)
        except (TimeoutError, redis.RedisError) as error:
            future.cancel()
            self._leave(error)
            return None
        if self._is_away:
            self._is_away = False
            _log.info("rates_shared_again")
        return lots

    def _leave(self, error: Exception) -> None:
        self._retry_at = self._clock.monotonic() + _PAUSE
        if not self._is_away:
            self._is_away = True
            _log.warning("rates_without_redis", error=type(error).__name__, processes=self._processes)

    def _part(self, ask: Ask) -> Lot:
        rate, now = ask.rate / self._processes, self._clock.monotonic()
        tokens = self._own.get(ask.key)
        stands = rates.full(rate, now) if tokens is None else rates.refill(tokens, rate, now)
        self._own[ask.key], lot = rates.take(stands, bulk=ask.bulk, urgent=ask.urgent)
        return lot

    @cached_property
    def _questions(self) -> SimpleQueue[tuple[Future[list[Lot]], Sequence[Ask]]]:
        """Start the thread that talks to Redis: only so is a wait bounded, whatever the resolver of names does."""
        questions: SimpleQueue[tuple[Future[list[Lot]], Sequence[Ask]]] = SimpleQueue()
        client = redis.Redis.from_url(
            self._url, socket_connect_timeout=_PATIENCE, socket_timeout=_PATIENCE, retry=None
        )
        take = client.register_script(_TAKE)
        threading.Thread(target=_answer, args=(questions, take), name="rates", daemon=True).start()
        return questions


def _answer(questions: SimpleQueue[tuple[Future[list[Lot]], Sequence[Ask]]], take: Script) -> None:
    while True:
        future, asks = questions.get()
        if not future.set_running_or_notify_cancel():
            continue
        try:
            lots = _taken(take, asks)
        except Exception as error:  # noqa: BLE001 - raised again where it was asked for
            future.set_exception(error)
        else:
            future.set_result(lots)


def _taken(take: Script, asks: Sequence[Ask]) -> list[Lot]:
    numbers = [str(number) for ask in asks for number in (ask.rate, ask.bulk, ask.urgent)]
    found = take(keys=[_KEY_PREFIX + ask.key for ask in asks], args=[RESERVE, BURST, *numbers])
    return [Lot(*found[start : start + 2]) for start in range(0, len(found), 2)]
