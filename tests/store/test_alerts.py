"""What a person should look at, and what must happen again and again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter.domain.errors import NotFound
from newsletter.store import Session, alerts, beats
from tests.clocks import NOON

HOUR = timedelta(hours=1)


def test_an_alert_that_was_over_begins_anew(session: Session) -> None:
    alerts.note(session, "issue_missing", "daily 07:00", "It did not go out.", now=NOON, newsletter_id=1)
    over = alerts.resolve(session, "issue_missing", "daily 07:00", now=NOON + HOUR)
    again = alerts.resolve(session, "issue_missing", "daily 07:00", now=NOON + HOUR)
    anew = alerts.note(session, "issue_missing", "daily 07:00", "Again.", now=NOON + 2 * HOUR)

    assert (over, again, anew) == (True, False, True)
    [shown] = alerts.listing(session, search="again")
    assert (shown.count, shown.first_at, shown.resolved_at) == (1, NOON + 2 * HOUR, None)


def test_all_alerts_of_a_code_are_over_except_those_that_still_hold(session: Session) -> None:
    for subject in ("issue 1", "issue 2"):
        alerts.note(session, "template_fault", subject, "card.html, line 3", now=NOON)
    alerts.note(session, "issue_stuck", "issue 1", "No progress.", now=NOON)
    count = alerts.resolve_others(session, "template_fault", ["issue 2"], now=NOON)

    assert count == 1
    assert alerts.open_counts(session) == {"template_fault": 1, "issue_stuck": 1}
    assert {each.subject for each in alerts.listing(session, with_resolved=True)} == {"issue 1", "issue 2"}


def test_an_alert_is_mailed_once_in_a_while(session: Session) -> None:
    alerts.note(session, "issue_stuck", "issue 1", "No progress.", now=NOON)
    [due] = alerts.to_mail(session, now=NOON, again_after=6 * HOUR)
    alerts.mailed(session, [due.id], now=NOON)
    soon = alerts.to_mail(session, now=NOON + 5 * HOUR, again_after=6 * HOUR)
    later = alerts.to_mail(session, now=NOON + 6 * HOUR, again_after=6 * HOUR)

    assert (soon, [each.id for each in later]) == ([], [due.id])


def test_somebody_sees_to_an_alert(session: Session) -> None:
    alerts.note(session, "issue_stuck", "issue 1", "No progress.", now=NOON)
    [alert] = alerts.listing(session)

    assert alerts.resolve_by_id(session, alert.id, now=NOON).resolved_at == NOON
    assert alerts.recent(session, now=NOON) == []
    with pytest.raises(NotFound):
        alerts.resolve_by_id(session, alert.id + 1, now=NOON)


def test_one_of_many_has_the_turn(session: Session) -> None:
    turns = [
        beats.take_turn(session, "watch", every=HOUR, now=NOON + minutes)
        for minutes in (timedelta(0), timedelta(0), timedelta(minutes=59), HOUR)
    ]
    set_back = beats.take_turn(session, "watch", every=HOUR, now=NOON - timedelta(days=1))

    assert turns == [True, False, False, True]
    assert set_back is True
    assert beats.last(session, "watch") == NOON - timedelta(days=1)
    assert beats.last(session, "sweep") is None
