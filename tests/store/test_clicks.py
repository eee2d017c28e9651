"""Counts of clicks."""

from __future__ import annotations

from datetime import timedelta

from newsletter.domain.clicks import PEOPLE, WEB_ARM
from newsletter.store import Session, clicks, issues
from newsletter.store.clicks import Total
from newsletter.store.tables import Issue, Newsletter
from tests.builders import add_article, add_newsletter
from tests.clocks import NOON


def planned(session: Session, newsletter: Newsletter) -> Issue:
    issue = issues.add(session, newsletter.id, since=NOON, cut_off_at=NOON, now=NOON)
    assert issue is not None
    return issue


def test_clicks_of_an_hour_are_added_up(session: Session) -> None:
    issue = planned(session, add_newsletter(session))
    for human, machine in ((1, 0), (1, 0), (0, 1), (-1, 1)):
        clicks.add(session, issue.id, 7, 0, at=NOON, human=human, machine=machine)
    clicks.add(session, issue.id, 7, 0, at=NOON + timedelta(hours=1), human=5, machine=0)
    clicks.add(session, issue.id, 7, 1, at=NOON, human=2, machine=0)
    for arm in (0, 1, WEB_ARM):
        clicks.add(session, issue.id, PEOPLE, arm, at=NOON, human=3 + arm, machine=0)

    assert clicks.totals(session, issue.id) == [
        Total(PEOPLE, WEB_ARM, 2, 0),
        Total(PEOPLE, 0, 3, 0),
        Total(PEOPLE, 1, 4, 0),
        Total(7, 0, 6, 2),
        Total(7, 1, 2, 0),
    ]
    assert clicks.people_by_arm(session, issue.id) == {0: 3, 1: 4}


def test_clicks_fade_and_are_whole_numbers_by_article(session: Session) -> None:
    newsletter = add_newsletter(session)
    issue = planned(session, newsletter)
    new, old, unread = (
        add_article(session, newsletter, title=word, seen_at=NOON) for word in ("a", "b", "c")
    )
    clicks.add(session, issue.id, new.number, 0, at=NOON, human=3, machine=50)
    clicks.add(session, issue.id, old.number, 0, at=NOON - clicks.HALF_LIFE, human=3, machine=0)
    clicks.add(session, issue.id, unread.number, 0, at=NOON, human=0, machine=50)
    clicks.add(session, issue.id, PEOPLE, 0, at=NOON, human=9, machine=0)

    found = clicks.decayed(session, [new.id, old.id, unread.id], NOON)

    assert found == {new.id: 3, old.id: 1}
    assert clicks.decayed(session, [], NOON) == {}
