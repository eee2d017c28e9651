"""Sender, Redis and PostgreSQL are killed in the middle of a mailing: every reader is accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.installation import Installation
from tests.services.ports import wait_until
from tests.services.postgres import Postgres
from tests.services.redis_server import RedisServer

pytestmark = pytest.mark.end_to_end
READERS = 1500


@pytest.fixture
def database_url(postgres_url: str) -> str:
    """Stand on PostgreSQL, whose server can be killed."""
    return postgres_url


def mail_slowly(installation: Installation, tmp_path: Path) -> int:
    """Begin a mailing that takes some twenty seconds; return its issue."""
    readers = tmp_path / "readers.csv"
    rows = (f"reader{n}@reader.example,2026-01-01T00:00:00Z,paper form" for n in range(READERS))
    readers.write_text("\n".join(["address,confirmed_at,consent", *rows]))
    installation.command(
        *("newsletters", "add", "daily", "--name", "The Daily", "--from-address", "news@post.example.com"),
        *("--postal-address", "The Harbour Post, 1 Quay Street, Porttown"),
    )
    installation.command("subscribers", "import", "daily", str(readers))
    installation.command("sources", "add", "daily", installation.feeds.feed_urls[0], "--include-existing")
    installation.sink.answer_delay = 0.01
    installation.start_all()
    issue_id: int = installation.told("issues", "plan", "daily")["id"]
    installation.command("issues", "send", str(issue_id))
    return issue_id


def kill_sender(installation: Installation, _redis: RedisServer, _postgres: Postgres) -> None:
    installation.kill("sender")
    installation.start("sender")


def kill_redis(_installation: Installation, redis: RedisServer, _postgres: Postgres) -> None:
    redis.kill()
    redis.start()


def kill_database(_installation: Installation, _redis: RedisServer, postgres: Postgres) -> None:
    postgres.kill()
    postgres.start()


@pytest.mark.parametrize("kill", [kill_sender, kill_redis, kill_database])
def test_every_reader_is_accounted_for(
    kill: Callable[[Installation, RedisServer, Postgres], None],
    installation: Installation,
    own_redis: RedisServer,
    postgres: Postgres,
    tmp_path: Path,
) -> None:
    issue_id = mail_slowly(installation, tmp_path)
    wait_until(
        lambda: len(installation.sink.messages) > READERS // 5, seconds=60, what="the mailing is under way"
    )

    kill(installation, own_redis, postgres)

    receipt = installation.await_receipt(issue_id, seconds=120)
    got = Counter(received.rcpt_to for received in installation.sink.messages)
    assert max(got.values()) == 1, "somebody was written to twice"
    assert receipt["planned"] == receipt["submitted"] + receipt["uncertain"] == READERS
    assert receipt["submitted"] <= len(got) <= receipt["submitted"] + receipt["uncertain"]
    assert receipt["uncertain"] <= 256, "more than one window is in doubt"


def test_a_sender_that_is_told_to_stop_leaves_nobody_in_doubt(
    installation: Installation, tmp_path: Path
) -> None:
    issue_id = mail_slowly(installation, tmp_path)
    wait_until(
        lambda: len(installation.sink.messages) > READERS // 5, seconds=60, what="the mailing is under way"
    )

    installation.stop("sender")
    stopped_at = len(installation.sink.messages)
    installation.start("sender")

    receipt = installation.await_receipt(issue_id, seconds=120)
    assert stopped_at < READERS
    assert receipt["submitted"] == len(installation.sink.messages) == READERS
