"""Who has just confirmed gets the last issue within minutes, once, without what they signed up from."""

from __future__ import annotations

from datetime import timedelta

from newsletter.digest import plan
from newsletter.domain import articles
from newsletter.domain.mailings import Lane, MailingKind, MailingStatus
from newsletter.domain.subscriptions import EndReason, SubscriptionStatus
from newsletter.reporting import receipts
from newsletter.sending import control, first, sweep
from newsletter.store import mailings, newsletters, subscriptions
from newsletter.store.tables import Mailing
from tests.builders import add_newsletter, add_reader
from tests.sending.press import Press

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def mailed(press: Press) -> int:
    """Send an issue to a reader who has been there long; return the newsletter."""
    with press.database.transaction() as session:
        daily = add_newsletter(session)
        add_reader(session, daily, "old@reader.example")
    press.add_articles(daily.id, "Ferry returns", "Council votes")
    press.expand(daily.id)
    press.drain()
    return daily.id


def confirm(press: Press, newsletter_id: int, address: str, *, article: str | None = None) -> int:
    """Let somebody sign up, from an article maybe, and confirm."""
    key = articles.url_key(article) if article else None
    with press.database.transaction() as session:
        daily = newsletters.get(session, newsletter_id)
        pending = SubscriptionStatus.PENDING
        reader = add_reader(session, daily, address, status=pending, signup_article=key).id
        subscriptions.activate(session, reader, [newsletter_id], now=press.clock.now())
    return reader


def top_up(press: Press, *, after: timedelta = MINUTE) -> list[int]:
    press.clock.advance(after)
    return first.top_up(press.database.transaction, now=press.clock.now())


def first_mailing(press: Press) -> Mailing | None:
    with press.database.reading() as session:
        return mailings.of_issue(session, 1, kind=MailingKind.FIRST)


def is_rung(press: Press) -> bool:
    with press.database.reading() as session:
        rings = sweep.find_due(session, now=press.clock.now()).rings
    return ("newsletter.first", ()) in rings


def test_a_new_reader_gets_the_last_issue_without_the_article_of_the_signup(press: Press) -> None:
    daily = mailed(press)
    confirm(press, daily, "ana@reader.example", article="https://post.example.com/1")
    at_once = is_rung(press)
    press.clock.advance(first.PAUSE)

    is_rung_later = is_rung(press)
    [mailing_id] = top_up(press, after=timedelta())
    press.drain()

    assert (at_once, is_rung_later, is_rung(press)) == (False, True, False)
    assert press.titles_to("ana@reader.example") == [["Council votes"]]
    assert len(press.titles_to("old@reader.example")) == 1
    mailing = first_mailing(press)
    assert mailing is not None
    assert (mailing.id, mailing.lane, mailing.status) == (mailing_id, Lane.URGENT, MailingStatus.DONE)


def test_one_who_comes_later_joins_the_same_mailing_though_it_was_done(press: Press) -> None:
    daily = mailed(press)
    for name in ("ana", "ben"):
        confirm(press, daily, f"{name}@reader.example")
        top_up(press)
        press.drain()

    assert [len(press.titles_to(f"{name}@reader.example")) for name in ("old", "ana", "ben")] == [1, 1, 1]
    with press.database.reading() as session:
        account = receipts.first_digests(session, 1)
    assert account is not None
    assert (account.planned, account.submitted, account.adds_up) == (2, 2, True)


def test_who_leaves_and_comes_back_does_not_get_the_issue_again(press: Press) -> None:
    daily = mailed(press)
    reader = confirm(press, daily, "ana@reader.example")
    top_up(press)
    press.drain()
    now = press.clock.now()
    with press.database.transaction() as session:
        subscriptions.end(session, reader, reason=EndReason.UNSUBSCRIBED, now=now)
        found = subscriptions.get(session, reader, daily)
        assert found is not None
        found.status = SubscriptionStatus.PENDING
        session.flush()
        subscriptions.activate(session, reader, [daily], now=now)

    assert top_up(press) == []
    press.drain()

    assert len(press.titles_to("ana@reader.example")) == 1
    assert not is_rung(press)


def test_without_a_recent_issue_nothing_is_owed_any_more(press: Press) -> None:
    daily = mailed(press)
    press.clock.advance(8 * DAY)
    confirm(press, daily, "ana@reader.example")

    assert top_up(press) == []
    assert not is_rung(press)
    assert first_mailing(press) is None


def test_an_issue_that_is_about_to_go_is_waited_for(press: Press) -> None:
    daily = mailed(press)
    confirm(press, daily, "ana@reader.example")
    now = press.clock.now()
    with press.database.transaction() as session:
        plan.plan_now(session, daily, now=now, cut_off_at=now + 8 * MINUTE)

    assert top_up(press) == []
    assert is_rung(press)
    assert top_up(press, after=30 * MINUTE) != []  # it never went


def test_a_cancelled_issue_is_no_first_digest_and_cancelling_stops_both(press: Press) -> None:
    daily = mailed(press)
    confirm(press, daily, "ana@reader.example")
    press.add_articles(daily, "A choir")
    second = press.expand(daily)
    with press.database.transaction() as session:
        issue_id = mailings.get(session, second).issue_id
        control.cancel(session, issue_id)

    [mailing_id] = top_up(press, after=20 * MINUTE)

    with press.database.reading() as session:
        assert mailings.get(session, mailing_id).issue_id == 1
        assert mailings.status(session, second) is MailingStatus.CANCELLED
