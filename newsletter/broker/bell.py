"""Ring for workers: put a task's name and ids into its queue, in Celery's message protocol, version 2.

The database is the queue; a ring that is lost costs one beat. So ringing never raises and never waits long.
docs.celeryq.dev/en/stable/internals/protocol.html (read 2026-11-25)
"""

from __future__ import annotations

import base64
import json
from functools import cached_property

import redis

from newsletter.runtime import ids, logs

KEY_PREFIX = "nl:"  # the same prefix as in workers/app.py
QUEUES = {
    "newsletter.sweep": "maint",
    "newsletter.plan": "maint",
    "newsletter.feedback": "maint",
    "newsletter.poll": "fetch",
    "newsletter.hubs": "fetch",
    "newsletter.images": "fetch",
    "newsletter.collect": "fetch",
    "newsletter.resolve": "fetch",
    "newsletter.build": "build",
    "newsletter.expand": "build",
    "newsletter.first": "build",
    "newsletter.drain": "send",
    "newsletter.notices": "notices",
}
_PATIENCE = 0.25  # seconds to connect, and again to answer: half a second in all
_log = logs.get(__name__)


class Bell:
    """Ring for workers on one Redis; safe to share between threads."""

    def __init__(self, url: str) -> None:
        """Take a broker URL: redis://, rediss:// or redis+socket:///path; nothing is opened yet."""
        self._url = url.replace("redis+socket://", "unix://", 1)

    def ring(self, task: str, *args: int | str) -> bool:
        """Ask for a task to be run soon; False when nobody could be reached."""
        try:
            self._client.lpush(KEY_PREFIX + QUEUES[task], _envelope(task, args))
        except redis.RedisError as error:
            _log.warning("bell_not_heard", task=task, error=type(error).__name__)
            return False
        return True

    def ping(self) -> bool:
        """Say whether Redis answers."""
        try:
            return bool(self._client.ping())
        except redis.RedisError:
            return False

    @cached_property
    def _client(self) -> redis.Redis:
        return redis.Redis.from_url(
            self._url, socket_connect_timeout=_PATIENCE, socket_timeout=_PATIENCE, retry=None
        )


def _envelope(task: str, args: tuple[int | str, ...]) -> str:
    task_id = ids.unique_id()
    body = json.dumps([args, {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}])
    return json.dumps(
        {
            "body": base64.b64encode(body.encode()).decode(),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": {
                "lang": "py",
                "task": task,
                "id": task_id,
                "root_id": task_id,
                "parent_id": None,
                "group": None,
                "retries": 0,
                "ignore_result": True,
            },
            "properties": {
                "correlation_id": task_id,
                "delivery_mode": 2,
                "delivery_info": {"exchange": "", "routing_key": QUEUES[task]},
                "priority": 0,
                "body_encoding": "base64",
                "delivery_tag": ids.unique_id(),
            },
        }
    )
