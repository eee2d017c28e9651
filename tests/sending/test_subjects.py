"""A subject test from the sample to the rest, on real databases and an SMTP server."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import pytest

from newsletter.digest import build as building
from newsletter.digest import plan
from newsletter.domain import subject_test
from newsletter.domain.clicks import PEOPLE
from newsletter.domain.quiet_hours import QuietHours
from newsletter.sending import expand as expanding
from newsletter.sending import subjects
from newsletter.store import clicks, issues, mailings, newsletters, subject_tests
from newsletter.store.tables import Mailing
from tests.builders import add_article, add_newsletter, add_reader
from tests.sending.press import ENVIRONMENT, Press, parsed

SUBJECTS = ("Ferry stays", "Why it stays")
MINUTE = timedelta(minutes=1)
NO_QUIET = QuietHours()


@pytest.fixture
def mailing_id(press: Press) -> int:
    """Expand an issue to 24 readers, half of them in the sample, one with an hour of her own."""
    now = press.clock.now()
    with press.database.transaction() as session:
        newsletter = add_newsletter(session)
        add_article(session, newsletter, title="A ferry", seen_at=now - MINUTE)
        for number in range(24):
            add_reader(session, newsletter, f"r{number}@reader.example")
        issue_id = plan.plan_now(session, newsletter.id, now=now).id
    building.build(press.database.transaction, issue_id, environment=ENVIRONMENT, now=now)
    with press.database.transaction() as session:
        issue = issues.get(session, issue_id)
        assert issue.frozen is not None
        issue.frozen = issue.frozen | {"subjects": SUBJECTS, "sample_percent": 50, "test_minutes": 60}
        issue.approved_revision, issue.approved_at, issue.approved_by = issue.revision, now, "Ada"
    found = expanding.expand(press.database.transaction, issue_id, now=now)
    assert found is not None
    return found


def mailing(press: Press, mailing_id: int) -> Mailing:
    with press.database.transaction() as session:
        found = mailings.get(session, mailing_id)
        session.expunge(found)
        return found


def click(press: Press, issue_id: int, *people: int) -> None:
    with press.database.transaction() as session:
        for arm, count in enumerate(people):
            clicks.add(session, issue_id, PEOPLE, arm, at=press.clock.now(), human=count, machine=0)


def decide(press: Press) -> int:
    return subjects.decide_due(press.database.transaction, now=press.clock.now(), quiet=NO_QUIET)


def seen(press: Press) -> Counter[str]:
    return Counter(parsed(received)["Subject"] for received in press.sink.messages)


def sample(issue_id: int) -> Counter[str]:
    arms = (subject_test.sample_arm(issue_id, reader, sample_percent=50, count=2) for reader in range(1, 25))
    return Counter(SUBJECTS[arm] for arm in arms if arm is not None)


def test_the_rest_gets_the_winner_as_soon_as_it_is_known(press: Press, mailing_id: int) -> None:
    issue_id = mailing(press, mailing_id).issue_id
    press.drain()
    tried = sample(issue_id)
    assert seen(press) == tried
    click(press, issue_id, 30, 40)
    assert decide(press) == 0
    click(press, issue_id, 30, 900)

    press.clock.advance(5 * MINUTE)
    assert decide(press) == 1
    assert decide(press) == 0
    press.drain()

    found = mailing(press, mailing_id)
    assert (found.winner, found.winner_reason) == (1, "better")
    rest = 24 - sum(tried.values())
    assert seen(press) == tried + Counter({SUBJECTS[1]: rest})
    assert press.receipt(mailing_id).submitted == 24


def test_a_drain_that_comes_after_the_time_decides_by_itself(press: Press, mailing_id: int) -> None:
    issue_id = mailing(press, mailing_id).issue_id
    press.drain()
    press.clock.advance(59 * MINUTE)
    press.drain()
    assert seen(press) == sample(issue_id)

    press.clock.advance(16 * MINUTE)
    press.drain()

    found = mailing(press, mailing_id)
    assert (found.winner, found.winner_reason) == (0, "too_few_clicks")
    assert seen(press)[SUBJECTS[0]] == 24 - sample(issue_id)[SUBJECTS[1]]


def test_a_winner_is_written_down_once(press: Press, mailing_id: int) -> None:
    with press.database.transaction() as session:
        assert subject_tests.set_winner(session, mailing_id, 1, reason="better")
        assert not subject_tests.set_winner(session, mailing_id, 0, reason="better")

    assert mailing(press, mailing_id).winner == 1
    assert decide(press) == 0


def test_who_waits_for_an_own_hour_goes_on_waiting(press: Press, mailing_id: int) -> None:
    due_before = due(press, mailing_id)
    with press.database.transaction() as session:
        newsletter_id = mailings.get(session, mailing_id).newsletter_id
        late = add_reader(session, newsletters.get(session, newsletter_id), "late@reader.example", hour=9)
        assert late.id
        found = mailings.get(session, mailing_id)
        assert subject_tests.bring_forward(session, found, now=press.clock.now()) == 0

    assert due(press, mailing_id) == due_before


def due(press: Press, mailing_id: int) -> list[datetime]:
    with press.database.reading() as session:
        return [batch.due_at for batch in mailings.batches(session, mailing_id)]
