"""Check the commands that show what came back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter.domain.arrivals import READ_BYTES, ArrivalResult, MailWay
from newsletter.store import Database, arrivals
from tests.cli.conftest import Cli
from tests.clocks import NOON

LETTER = b"Subject: Hello\r\n\r\nHow are you?\r\n" + b"x" * READ_BYTES


@pytest.fixture
def _arrived(sqlite_url: str) -> None:
    """Let a letter come in, a bounce, and one that breaks its reader."""
    database = Database(sqlite_url)
    with database.transaction() as session:
        for number, raw in enumerate((LETTER, b"bounce", b"broken")):
            arrivals.keep(
                session,
                way=MailWay.LMTP,
                raw=raw,
                now=NOON + timedelta(minutes=number),
                recipient="b-1@in.example.com",
                sender="",
                peer="192.0.2.7",
            )
        letter, bounce, broken = arrivals.claim(session, now=NOON, limit=10)
        arrivals.done(session, letter, kind="other", result=ArrivalResult.PERSON, now=NOON)
        arrivals.done(session, bounce, kind="bounce", result=ArrivalResult.RECORDED, now=NOON)
        arrivals.failed(session, broken, error="ValueError: no", now=NOON)
    database.dispose()


@pytest.mark.usefixtures("_arrived")
def test_what_came_back_is_listed_the_newest_first(cli: Cli) -> None:
    ids = {
        options: [each["id"] for each in cli("bounces", "list", *options, "--json").json]
        for options in [
            (),
            ("--limit", "1"),
            ("--status", "failed"),
            ("--result", "recorded"),
            ("--to-look-at",),
        ]
    }

    assert list(ids.values()) == [[3, 2, 1], [3], [3], [2], [1]]


@pytest.mark.usefixtures("_arrived")
def test_one_is_shown_with_what_was_wrong(cli: Cli) -> None:
    shown = cli("bounces", "show", "3", "--json").json

    assert (shown["status"], shown["error"], shown["peer"]) == ("failed", "ValueError: no", "192.0.2.7")


@pytest.mark.usefixtures("_arrived")
def test_its_octets_are_written_as_they_came(cli: Cli) -> None:
    assert cli("bounces", "show", "1", "--raw").out.encode() == LETTER


def test_what_is_not_there_is_said(cli: Cli) -> None:
    said = cli("bounces", "show", "7")

    assert said.code == 1
    assert "newsletter bounces list" in said.err
    assert "Nothing came back." in cli("bounces", "list").err
