"""Clicks when something is away: readers get to their articles all the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from newsletter.broker.limiter import Limiter
from newsletter.domain import clicks as rules
from newsletter.domain.issues import IssueStatus
from newsletter.domain.tokens import sign_click
from newsletter.feedback.clicks import Clicks
from newsletter.store import Database, clicks, issues, keys
from newsletter.store.tables import KeyPurpose
from tests import issues as made
from tests.builders import add_newsletter
from tests.clocks import NOON, FixedClock
from tests.services.ports import free_port

BROWSER = {
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
    "accept": "text/html",
    "accept-language": "en",
    "accept-encoding": "gzip",
}


@pytest.fixture
def nowhere() -> Iterator[Database]:
    """Open a database where none is."""
    opened = Database(f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/none")
    yield opened
    opened.dispose()


def test_a_database_that_goes_away_keeps_nobody_from_an_article_and_the_click_is_lost(
    database: Database, nowhere: Database, clock: FixedClock
) -> None:
    with database.transaction() as session:
        issue = issues.add(session, add_newsletter(session).id, since=NOON, cut_off_at=NOON, now=NOON)
        assert issue is not None
        issue.status, issue.frozen = IssueStatus.MAILED, made.issue(2, issue_id=issue.id).as_dict()
        ring = keys.ring(session, KeyPurpose.LINKS)
        first, second = (sign_click(issue.id, number, ring, key_number=ring.newest) for number in (1, 2))
        issue_id = issue.id
    there = [database]
    following = Clicks(
        lambda: there[0].transaction(),
        lambda: there[0].reading(),
        limiter=Limiter(f"redis://127.0.0.1:{free_port()}/0", clock=clock),
        clock=clock,
    )

    following.count(following.follow(first, rules.FROM_MAIL), client="192.0.2.1", headers=BROWSER)
    there[0] = nowhere
    followed = following.follow(second, rules.FROM_MAIL)
    following.count(followed, client="192.0.2.1", headers=BROWSER)

    assert followed.url == made.story(2).url
    with database.reading() as session:
        assert [total.number for total in clicks.totals(session, issue_id)] == [rules.PEOPLE, 1]
