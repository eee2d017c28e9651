"""Celery is the bell: it is heard at once where there is one, and nothing is lost where there is none."""

from __future__ import annotations

import pytest

from tests.end_to_end.installation import Installation
from tests.services.ports import wait_until
from tests.services.redis_server import RedisServer

pytestmark = pytest.mark.end_to_end
# A bell knows no database: each of these needs one of them only. test_chain.py runs everything on both.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def set_up(installation: Installation) -> None:
    installation.command(
        *("newsletters", "add", "daily", "--name", "The Daily", "--from-address", "news@post.example.com"),
        *("--postal-address", "The Harbour Post, 1 Quay Street, Porttown"),
    )


@on_postgresql
def test_a_signup_rings_for_its_confirmation_without_a_scheduler(installation: Installation) -> None:
    set_up(installation)
    installation.start("web", "notices")
    installation.await_web()

    installation.sign_up("ana@reader.example", newsletter="daily", consent={"form_text": "Yes"})

    installation.confirm("ana@reader.example")


@on_postgresql
def test_a_signup_while_redis_is_down_is_kept_and_confirmed_later(
    installation: Installation, own_redis: RedisServer
) -> None:
    set_up(installation)
    installation.start("web")
    installation.await_web()
    own_redis.kill()

    answer = installation.sign_up("ana@reader.example", newsletter="daily", consent={"form_text": "Yes"})
    own_redis.start()
    installation.start("beat", "worker", "notices")

    assert answer.status_code == 202
    installation.confirm("ana@reader.example")


@on_sqlite
def test_an_unsubscribe_by_mail_ends_the_subscription(installation: Installation) -> None:
    set_up(installation)
    installation.start("web", "beat", "worker", "notices", "sender")
    installation.await_web()
    installation.sign_up("ana@reader.example", newsletter="daily", consent={"form_text": "Yes"})
    installation.confirm("ana@reader.example")
    installation.command("sources", "add", "daily", installation.feeds.feed_urls[0], "--include-existing")
    issue_id = installation.told("issues", "plan", "daily")["id"]
    installation.command("issues", "send", str(issue_id))
    digest = installation.await_mails("ana@reader.example", count=2)[-1]
    mail = installation.folder / "leave.eml"
    mail.write_bytes(b"From: <ana@reader.example>\r\nTo: <%b>\r\n\r\n\r\n" % installation.mailto_of(digest))

    installation.command("bounces", "ingest", str(mail))

    def has_left() -> bool:
        (reader,) = installation.told("subscribers", "list", "--newsletter", "daily")
        return "ended" in str(reader)

    wait_until(has_left, seconds=60, what="the subscription has ended")
