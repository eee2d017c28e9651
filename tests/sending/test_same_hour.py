"""Two issues of a newsletter wait for the same hour of a reader: one mail, and no story is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter.digest import newsletters as setup
from newsletter.domain.subscriptions import Cadence
from newsletter.reporting import why
from newsletter.store import issues
from newsletter.store.tables import Newsletter, Subscription
from tests.builders import add_article
from tests.sending.press import Press
from tests.sending.test_waves import HOUR, MINUTE, SLOT, built, expand, set_up


def issue_at(press: Press, title: str, cron: str, *, after: timedelta, maximum: int = 9) -> int:
    """Make an issue of what is new, ``after`` the first slot, and begin to mail it; return its mailing."""
    with press.database.transaction() as session:
        daily = session.get_one(Newsletter, 1)
        daily.story_maximum = maximum
        if cron:
            setup.add_schedule(session, daily, cron=cron, now=press.clock.now())
        add_article(session, daily, title=title, seen_at=press.clock.now())
    mailing_id = expand(press, built(press, at=SLOT + after))
    assert mailing_id is not None
    return mailing_id


@pytest.mark.parametrize("cadence", [Cadence.EVERY_ISSUE, Cadence.DAILY])
@pytest.mark.parametrize("hour", [18, 17])  # an hour after the second slot, and at it
def test_of_two_issues_that_wait_for_an_hour_the_later_one_goes_with_what_was_left(
    press: Press, cadence: Cadence, hour: int
) -> None:
    set_up(press, (None, hour), (None, None))
    with press.database.transaction() as session:
        session.get_one(Subscription, (1, 1)).cadence = cadence
    first = expand(press, built(press))
    assert first is not None
    press.drain()  # to the reader without an hour
    press.clock.advance(5 * HOUR)
    second = issue_at(press, "A choir", "0 17 * * *", after=10 * HOUR)

    press.clock.advance((hour - 17) * HOUR + MINUTE)
    press.drain()

    assert [sorted(titles) for titles in press.titles_to("r1@reader.example")] == [["A choir", "A ferry"]]
    assert press.titles_to("r2@reader.example") == [["A ferry"], ["A choir"]]
    assert press.receipt(first).withheld == {"superseded": 1}
    assert press.receipt(second).submitted == 2
    with press.database.reading() as session:
        reader = why.find_reader(session, "r1@reader.example", now=press.clock.now())
        answer = why.of_issue(session, reader, issues.get(session, 1), now=press.clock.now())
        assert answer.code == "superseded"


def test_what_the_later_issue_has_no_room_for_comes_in_the_next(press: Press) -> None:
    set_up(press, (None, 18))
    expand(press, built(press))
    press.clock.advance(5 * HOUR)
    issue_at(press, "A choir", "0 17 * * *", after=10 * HOUR, maximum=1)
    press.clock.advance(HOUR + MINUTE)
    press.drain()
    press.clock.advance(HOUR)
    issue_at(press, "A heron", "", after=24 * HOUR)

    press.clock.advance(11 * HOUR + MINUTE)
    press.drain()

    told = press.titles_to("r1@reader.example")
    assert [sorted(titles) for titles in told] == [["A choir"], ["A ferry", "A heron"]]


def test_an_issue_that_waits_for_the_next_stroke_takes_no_place(press: Press) -> None:
    set_up(press, (None, 9))
    first = expand(press, built(press))
    assert first is not None
    second = issue_at(press, "A choir", "0 11 * * *", after=4 * HOUR)

    press.clock.advance(MINUTE)
    press.drain()  # late: its hour was two hours ago
    early = press.receipt(second)
    press.clock.advance(22 * HOUR)
    press.drain()

    assert (early.submitted, early.unclaimed) == (0, 1)
    assert press.titles_to("r1@reader.example") == [["A ferry"], ["A choir"]]
    assert press.receipt(first).submitted == 1
