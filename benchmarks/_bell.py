"""Measure what Celery costs: the Procfile's sender works off drains that find nothing to send."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from _setup import family_cpu
from celery import Celery

from newsletter.broker.bell import KEY_PREFIX, QUEUES
from newsletter.domain.mailings import DRAIN_TIME
from newsletter.runtime.settings import Settings, for_children
from tests.services.ports import wait_until
from tests.services.redis_server import RedisServer

_ROOT = Path(__file__).parents[1]
_TASK = "newsletter.drain"
_WARM_UP, _COUNT = 20, 400  # fewer than the tasks after which a child is replaced


def cost_of_drain(database_url: str) -> float:
    """Return the CPU seconds of one empty drain: ringing for it, the worker's two processes, the look for work.

    So it is rather more than what Celery costs a drain that has something to do.
    """
    with _broker() as server, tempfile.TemporaryDirectory(prefix="newsletter-bench-") as folder:
        settings = Settings(
            data_dir=Path(folder), database_url=database_url, redis_url=server.url, tick_seconds=60
        )
        client, publisher = redis.Redis.from_url(server.url), _publisher(server.url)
        with _sender(settings) as process_id:
            _ring(publisher, client, _WARM_UP)
            before = family_cpu(process_id) + time.process_time()
            _ring(publisher, client, _COUNT)
            after = family_cpu(process_id) + time.process_time()
        client.close()
    return (after - before) / _COUNT


def drain_seconds() -> float:
    """Return how long a drain works before it makes room for the next."""
    return DRAIN_TIME.total_seconds()


@contextmanager
def _broker() -> Iterator[RedisServer]:
    server = RedisServer()
    try:
        yield server
    finally:
        server.close()


@contextmanager
def _sender(settings: Settings) -> Iterator[int]:
    """Run the Procfile's sender; yield its process."""
    lines = dict(line.split(": ", 1) for line in (_ROOT / "Procfile").read_text().splitlines())
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.Popen(
        ["sh", "-c", f"exec {lines['sender']}"],
        cwd=_ROOT,
        env=for_children(settings) | {"PATH": path, "SENDER_PROCESSES": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,  # Celery warns root, and tells at length how it shuts down
    )
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


def _publisher(url: str) -> Celery:
    app = Celery(broker=url)
    app.conf.update(broker_transport_options={"global_keyprefix": KEY_PREFIX}, task_ignore_result=True)
    return app


def _ring(publisher: Celery, client: redis.Redis, count: int) -> None:
    """Ask for so many drains and wait until all are done."""
    queue = QUEUES[_TASK]
    for _ in range(count):
        publisher.send_task(_TASK, queue=queue)

    def is_done() -> bool:
        return not client.llen(KEY_PREFIX + queue) and not client.exists(f"{KEY_PREFIX}unacked")

    wait_until(is_done, seconds=120, what="the drains are done")
