"""An issue goes out wave by wave: to each reader when the reader's own clock says so, and never two at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from newsletter.digest import build as building
from newsletter.digest import newsletters as setup
from newsletter.digest import plan
from newsletter.domain import subject_test
from newsletter.domain.issues import IssueStatus
from newsletter.domain.mailings import MailingStatus, members
from newsletter.domain.quiet_hours import QuietHours
from newsletter.domain.waves import NO_QUIET
from newsletter.sending import expand as expanding
from newsletter.store import issues, mailings
from newsletter.store.tables import Issue, Newsletter
from tests.builders import add_article, add_newsletter, add_reader
from tests.clocks import NOON
from tests.sending.press import ENVIRONMENT, Press

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
SLOT = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)  # seven in Berlin


def set_up(press: Press, *readers: tuple[str | None, int | None], rules: str = "") -> int:
    """Add a newsletter of Berlin with an issue at seven, and readers with zone and hour."""
    with press.database.transaction() as session:
        daily = add_newsletter(session, zone="Europe/Berlin", rules=rules)
        setup.add_schedule(session, daily, cron="0 7 * * *", now=NOON)
        add_article(session, daily, title="A ferry", seen_at=NOON)
        for number, (zone, hour) in enumerate(readers, 1):
            reader = add_reader(session, daily, f"r{number}@reader.example", hour=hour)
            reader.zone = zone
        return daily.id


def built(press: Press, *, at: datetime = SLOT) -> int:
    """Plan and build the issue of the slot."""
    press.clock.advance(at - press.clock.now())
    (issue_id, *_) = plan.plan_due(press.database.transaction, now=at)
    status = building.build(press.database.transaction, issue_id, environment=ENVIRONMENT, now=at)
    assert status is IssueStatus.BUILT
    return issue_id


def expand(press: Press, issue_id: int, *, quiet: QuietHours = NO_QUIET) -> int | None:
    return expanding.expand(press.database.transaction, issue_id, now=press.clock.now(), quiet=quiet)


def due(press: Press, mailing_id: int | None) -> dict[int, timedelta]:
    """Return by reader how long after the slot the batch is due; nobody may stand in two."""
    assert mailing_id is not None
    found: dict[int, timedelta] = {}
    with press.database.reading() as session:
        for batch in mailings.batches(session, mailing_id):
            for reader in members(batch.planned, batch.bucket):
                assert reader not in found
                found[reader] = batch.due_at - SLOT
    return found


def test_each_reader_is_due_at_the_own_hour_by_the_own_clock(press: Press) -> None:
    set_up(press, (None, None), (None, 7), (None, 9), ("America/New_York", 7), ("Nowhere/Land", 8))

    mailing_id = expand(press, built(press, at=SLOT + 10 * timedelta(seconds=1)))

    start = timedelta(seconds=10)
    assert due(press, mailing_id) == {1: start, 2: start, 3: 2 * HOUR, 4: 6 * HOUR, 5: HOUR}


def test_nobody_is_given_up_before_the_last_wave_had_a_day(press: Press) -> None:
    set_up(press, (None, None), (None, 6))
    mailing_id = expand(press, built(press))
    assert mailing_id is not None
    press.drain()
    before = press.receipt(mailing_id)
    press.clock.advance(23 * HOUR)

    press.drain()

    assert (before.submitted, before.unclaimed) == (1, 1)
    assert press.receipt(mailing_id).submitted == 2
    with press.database.reading() as session:
        mailing = mailings.get(session, mailing_id)
        assert mailing.expires_at == SLOT + 47 * HOUR
        assert mailing.status is MailingStatus.DONE


def test_at_the_local_hour_the_west_waits_and_quiet_hours_hold_the_rest_back(press: Press) -> None:
    set_up(press, (None, None), ("America/New_York", None), rules="schedule: {local_hour: true}")
    first = expand(press, built(press))
    assert due(press, first) == {1: timedelta(), 2: 6 * HOUR}


def test_quiet_hours_push_a_wave_to_their_end(press: Press) -> None:
    set_up(press, (None, None), ("Europe/London", None), ("Europe/London", 6))

    mailing_id = expand(press, built(press), quiet=QuietHours(22, 7))

    assert due(press, mailing_id) == {1: timedelta(), 2: HOUR, 3: timedelta()}


def test_a_spread_begins_at_each_wave(press: Press) -> None:
    set_up(press, *((None, None if n % 2 else 9) for n in range(40)))
    with press.database.transaction() as session:
        session.get_one(Newsletter, 1).spread_minutes = 10

    found = due(press, expand(press, built(press)))

    at_once = [found[reader] for reader in found if reader % 2 == 0]
    at_nine = [found[reader] for reader in found if reader % 2]
    assert len(found) == 40
    assert timedelta() == min(at_once) < max(at_once) < 10 * MINUTE
    assert 2 * HOUR == min(at_nine) < max(at_nine) < 2 * HOUR + 10 * MINUTE


def test_a_sample_tries_the_subjects_and_the_others_wait_for_the_winner(press: Press) -> None:
    set_up(
        press,
        *((None, None) for _ in range(40)),
        (None, 12),
    )
    issue_id = built(press)
    with press.database.transaction() as session:
        issue = session.get_one(Issue, issue_id)
        tested = {"subjects": ["One", "Two"], "sample_percent": 30, "test_minutes": 60}
        issue.frozen = {**(issue.frozen or {}), **tested}

    mailing_id = expand(press, issue_id)

    found = due(press, mailing_id)
    own_hour = found.pop(41)
    sample = {
        reader
        for reader in found
        if subject_test.sample_arm(issue_id, reader, sample_percent=30, count=2) is not None
    }
    assert 0 < len(sample) < 40
    assert {reader for reader, after in found.items() if after == timedelta()} == sample
    assert {found[reader] for reader in found if reader not in sample} == {HOUR}
    assert own_hour == 5 * HOUR
    with press.database.reading() as session:
        assert mailings.get(session, mailing_id or 0).test_until == SLOT + HOUR


def test_an_issue_that_was_not_begun_in_time_is_skipped(press: Press) -> None:
    set_up(press, (None, None))
    issue_id = built(press)
    press.clock.advance(7 * HOUR)

    assert expand(press, issue_id) is None
    with press.database.reading() as session:
        assert issues.get(session, issue_id).reason == "too_late"


def test_of_two_issues_that_are_ready_at_once_the_later_one_goes(press: Press) -> None:
    newsletter_id = set_up(press, (None, None))
    first = built(press)
    with press.database.transaction() as session:
        daily = session.get_one(Newsletter, newsletter_id)
        setup.add_schedule(session, daily, cron="0 9 * * *", now=press.clock.now())
        add_article(session, daily, title="A choir", seen_at=SLOT + HOUR)
    second = built(press, at=SLOT + 2 * HOUR)

    assert expand(press, first) is None
    assert expand(press, second) is not None
    with press.database.reading() as session:
        assert issues.get(session, first).reason == "superseded"


def test_after_downtime_in_the_middle_nobody_gets_two_issues_at_once(press: Press) -> None:
    newsletter_id = set_up(press, (None, None))
    first = expand(press, built(press))
    with press.database.transaction() as session:
        daily = session.get_one(Newsletter, newsletter_id)
        setup.add_schedule(session, daily, cron="0 17 * * *", now=press.clock.now())
        add_article(session, daily, title="A choir", seen_at=SLOT + HOUR)
    second = expand(press, built(press, at=SLOT + 10 * HOUR))
    assert first is not None
    assert second is not None

    press.drain()

    assert press.receipt(first).withheld == {"superseded": 1}
    assert press.receipt(second).submitted == 1
    assert len(press.sink.messages) == 1
