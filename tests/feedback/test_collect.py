"""Collect mail from a Maildir: once, by one worker at a time, with patience when that fails."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from newsletter.domain.arrivals import ArrivalStatus
from newsletter.feedback import collect as collecting
from newsletter.feedback.collect import Collected, collect
from newsletter.inbound.maildir import Maildir
from newsletter.store import Database, arrivals, mailboxes
from newsletter.store.tables import CollectedMailbox
from tests.clocks import NOON, FixedClock

REPORT = b"Subject: Undelivered\r\n\r\nNo such user.\r\n"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make an empty Maildir."""
    for name in ("cur", "new", "tmp"):
        (tmp_path / "mail" / name).mkdir(parents=True)
    return tmp_path / "mail"


def look(database: Database, folder: Path, clock: FixedClock, *, force: bool = False) -> Collected:
    return collect(database.transaction, Maildir(folder), interval=MINUTE, clock=clock, force=force)


def state(database: Database) -> CollectedMailbox:
    with database.reading() as session:
        row = mailboxes.get(session, "maildir")
    assert row is not None
    return row


def waiting(database: Database) -> int:
    with database.reading() as session:
        return len(arrivals.listing(session, status=ArrivalStatus.WAITING, limit=100))


def test_what_is_there_is_kept_and_put_away(database: Database, folder: Path, clock: FixedClock) -> None:
    for number in range(3):
        (folder / "new" / f"{number}").write_bytes(b"%d" % number)

    found = look(database, folder, clock)

    assert found == Collected(mail_count=3, new_count=3)
    assert (waiting(database), list((folder / "new").iterdir())) == (3, [])
    assert (state(database).collected_at, state(database).next_at) == (NOON, NOON)


def test_a_crash_between_keeping_and_putting_away_keeps_nothing_twice(
    database: Database, folder: Path, clock: FixedClock
) -> None:
    (folder / "new" / "1").write_bytes(REPORT)
    look(database, folder, clock)
    (folder / "cur" / "1:2,S").rename(folder / "new" / "1")

    found = look(database, folder, clock, force=True)

    assert found == Collected(mail_count=1, new_count=0)
    assert waiting(database) == 1


def test_after_a_failure_nobody_looks_for_a_while(
    database: Database, tmp_path: Path, clock: FixedClock
) -> None:
    looks = [look(database, tmp_path / "none", clock).was_looked_into]
    looks.append(look(database, tmp_path / "none", clock).was_looked_into)
    looks.append(look(database, tmp_path / "none", clock, force=True).was_looked_into)
    clock.advance(4 * MINUTE)
    looks.append(look(database, tmp_path / "none", clock).was_looked_into)

    assert looks == [True, False, True, True]


def test_one_looks_at_a_time_until_its_lease_has_ended(database: Database, clock: FixedClock) -> None:
    def claimed(now: datetime) -> bool:
        with database.transaction() as session:
            return mailboxes.claim(session, "imap", now=now, force=True) is not None

    claims = [claimed(NOON), claimed(NOON + MINUTE), claimed(NOON + mailboxes.LEASE)]

    assert claims == [True, False, True]


def test_who_was_overtaken_changes_nothing(database: Database) -> None:
    with database.transaction() as session:
        slow = mailboxes.claim(session, "imap", now=NOON)
        assert slow is not None
        assert mailboxes.claim(session, "imap", now=NOON + mailboxes.LEASE) is not None

        mailboxes.failed(session, slow, fault="lost", fault_text="", next_at=NOON)
        mailboxes.collected(session, slow, now=NOON)

        row = mailboxes.get(session, "imap")
        assert row is not None
        assert (row.fault, row.collected_at, row.lease_until) == ("", None, NOON + 2 * mailboxes.LEASE)


def test_what_fails_is_tried_more_and_more_seldom(
    database: Database, tmp_path: Path, clock: FixedClock
) -> None:
    waits = []
    for _ in range(8):
        found = look(database, tmp_path / "none", clock, force=True)
        waits.append((state(database).next_at - clock.now()) / MINUTE)

    assert found.fault == "no_maildir"
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]
    assert (state(database).fault, state(database).failure_count) == ("no_maildir", 8)
    assert "NEWSLETTER_MAILDIR" in state(database).fault_text


def test_after_a_good_look_the_fault_is_gone(
    database: Database, tmp_path: Path, folder: Path, clock: FixedClock
) -> None:
    look(database, tmp_path / "none", clock)

    look(database, folder, clock, force=True)

    assert (state(database).fault, state(database).failure_count) == ("", 0)


def test_what_could_not_be_taken_is_told(database: Database, folder: Path, clock: FixedClock) -> None:
    (folder / "new" / "1").mkdir()
    (folder / "new" / "2").write_bytes(REPORT)

    found = look(database, folder, clock)

    assert (found.mail_count, found.fault) == (1, "left")
    assert state(database).fault_text == "1 could not be taken: 1: not a file"


def test_a_look_that_takes_long_ends_and_goes_on_at_once(
    database: Database, folder: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "_FOR", -1.0)
    for number in range(60):
        (folder / "new" / f"{number}").write_bytes(b"%d" % number)

    first, second = look(database, folder, clock), look(database, folder, clock)

    assert (first.mail_count, first.has_more) == (50, True)
    assert second.mail_count == 10
