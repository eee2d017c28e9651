"""Provide installations on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsletter.embedded.feedserver import FeedServer
from tests.end_to_end.installation import Installation
from tests.services.redis_server import RedisServer
from tests.services.sink import Sink


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """Run a Redis that the test may kill."""
    server = RedisServer()
    yield server
    server.close()


@pytest.fixture
def installation(
    database_url: str, own_redis: RedisServer, sink: Sink, tmp_path: Path
) -> Iterator[Installation]:
    """Set up an installation whose processes are not running yet; print its logs when a test fails."""
    folder = tmp_path / "installation"
    folder.mkdir()
    with FeedServer(now=datetime.now(UTC)) as feeds:  # noqa: TID251 - the processes read the machine's clock
        made = Installation(folder, database_url, own_redis.url, sink, feeds)
        yield made
        made.stop_all()
        print(made.logs())
