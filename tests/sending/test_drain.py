"""A mailing reaches every planned reader once, and its receipt adds up whatever happens."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from newsletter.domain.mailings import WINDOW_SIZE, MailingStatus
from newsletter.domain.outcomes import OutcomeKind
from newsletter.domain.subscriptions import Cadence
from newsletter.feedback.suppress import suppress
from newsletter.sending import control
from newsletter.store import keys, mailings, outcomes, suppressions
from newsletter.store.tables import KeyPurpose, Newsletter
from newsletter.subscribing import unsubscribe
from tests.builders import add_newsletter, add_reader
from tests.sending.press import Press, parsed


def set_up(press: Press, *addresses: str, **over: object) -> int:
    """Add a newsletter with readers and two articles; return the newsletter's id."""
    with press.database.transaction() as session:
        newsletter = add_newsletter(session, **over)
        for address in addresses:
            add_reader(session, newsletter, address, name="Ana")
    press.add_articles(newsletter.id, "Ferry returns", "Council votes")
    return newsletter.id


def test_every_reader_gets_one_mail_and_the_receipt_says_so(press: Press) -> None:
    addresses = [f"reader{n}@reader.example" for n in range(5)]
    mailing_id = press.expand(set_up(press, *addresses))

    report = press.drain()

    assert sorted(received.rcpt_to for received in press.sink.messages) == addresses
    assert report.message_count == 5
    receipt = press.receipt(mailing_id)
    assert (receipt.planned, receipt.submitted) == (5, 5)
    with press.database.reading() as session:
        assert mailings.get(session, mailing_id).status is MailingStatus.DONE


def test_more_readers_than_a_window_holds_each_get_one_mail(press: Press) -> None:
    count = WINDOW_SIZE + 10
    mailing_id = press.expand(set_up(press, *(f"r{n}@reader.example" for n in range(count))))

    press.drain()

    assert len({received.rcpt_to for received in press.sink.messages}) == count == len(press.sink.messages)
    assert press.receipt(mailing_id).submitted == count


def test_draining_again_sends_nothing_again(press: Press) -> None:
    press.expand(set_up(press, "ana@reader.example"))

    press.drain()
    press.drain()

    assert len(press.sink.messages) == 1


def test_no_reader_gets_an_article_twice_from_one_newsletter(press: Press) -> None:
    newsletter_id = set_up(press, "ana@reader.example")
    with press.database.transaction() as session:
        newsletter = session.get_one(Newsletter, newsletter_id)
        add_reader(session, newsletter, "ben@reader.example", cadence=Cadence.WEEKLY)

    for day in range(9):
        press.expand(newsletter_id)
        press.drain()
        press.clock.advance(timedelta(days=1))
        press.add_articles(newsletter_id, f"Day {day} morning", f"Day {day} evening")

    for address, mail_count in (("ana@reader.example", 9), ("ben@reader.example", 2)):
        mails = press.titles_to(address)
        had = [title for titles in mails for title in titles]
        assert len(mails) == mail_count
        assert len(had) == len(set(had))
    weekly = press.titles_to("ben@reader.example")[1]
    assert {"Day 0 morning", "Day 6 evening"} <= set(weekly)


def test_a_daily_mail_that_is_late_by_midnight_costs_nobody_the_next_one(press: Press) -> None:
    with press.database.transaction() as session:
        newsletter = add_newsletter(session)
        add_reader(session, newsletter, "ana@reader.example", cadence=Cadence.DAILY)
    press.clock.advance(timedelta(hours=11, minutes=48))

    press.add_articles(newsletter.id, "First day")  # the cut-off is at 23:50
    press.expand(newsletter.id)
    press.clock.advance(timedelta(minutes=20))
    press.drain()
    press.clock.advance(timedelta(hours=23, minutes=38))
    press.add_articles(newsletter.id, "Second day")
    press.expand(newsletter.id)
    press.drain()

    assert press.titles_to("ana@reader.example") == [["First day"], ["Second day"]]


def test_readers_get_the_topics_that_they_follow_and_what_is_for_everyone(press: Press) -> None:
    with press.database.transaction() as session:
        newsletter = add_newsletter(session)
        add_reader(session, newsletter, "sport@reader.example", topics=0b01)
        add_reader(session, newsletter, "all@reader.example")
        add_reader(session, newsletter, "science@reader.example", topics=0b10)
    press.add_articles(newsletter.id, "Cup final", topics=0b01)
    press.add_articles(newsletter.id, "Storm warning")

    press.expand(newsletter.id)
    press.drain()

    assert press.titles_to("sport@reader.example") == [["Storm warning", "Cup final"]]
    assert press.titles_to("all@reader.example") == [["Storm warning", "Cup final"]]
    assert press.titles_to("science@reader.example") == [["Storm warning"]]


def test_the_article_that_a_reader_signed_up_from_counts_as_had(press: Press) -> None:
    with press.database.transaction() as session:
        newsletter = add_newsletter(session)
    press.add_articles(newsletter.id, "Ferry returns", "Council votes")
    with press.database.transaction() as session:
        add_reader(session, newsletter, "ana@reader.example", signup_article="https://post.example.com/1")

    press.expand(newsletter.id)
    press.drain()

    assert press.titles_to("ana@reader.example") == [["Council votes"]]


def test_a_reader_who_leaves_after_the_expand_gets_nothing(press: Press) -> None:
    newsletter_id = set_up(press, "ana@reader.example", "ben@reader.example")
    mailing_id = press.expand(newsletter_id)
    with press.database.transaction() as session:
        unsubscribe.leave(
            session, subscriber_id=1, newsletter_id=newsletter_id, channel="one_click", now=press.clock.now()
        )

    press.drain()

    assert [received.rcpt_to for received in press.sink.messages] == ["ben@reader.example"]
    assert press.receipt(mailing_id).withheld == {"unsubscribed": 1}


def test_who_joins_after_the_expand_is_not_in_it(press: Press) -> None:
    newsletter_id = set_up(press, "ana@reader.example")
    mailing_id = press.expand(newsletter_id)
    with press.database.transaction() as session:
        add_reader(session, session.get_one(Newsletter, newsletter_id), "late@reader.example")

    press.drain()

    assert [received.rcpt_to for received in press.sink.messages] == ["ana@reader.example"]
    assert press.receipt(mailing_id).planned == 1


def test_a_mailbox_that_does_not_exist_is_suppressed_and_left_out_of_the_next_issue(press: Press) -> None:
    newsletter_id = set_up(press, "gone@reader.example", "ana@reader.example")
    press.sink.refuse_rcpt["gone@reader.example"] = "550 5.1.1 no such user"
    first = press.expand(newsletter_id)
    press.drain()

    assert suppress(press.database.transaction, now=press.clock.now()).count == 1
    press.sink.clear()
    press.add_articles(newsletter_id, "Second day")
    second = press.expand(newsletter_id)
    press.drain()

    assert press.receipt(first).failed == 1
    assert [received.rcpt_to for received in press.sink.messages] == ["ana@reader.example"]
    assert press.receipt(second).withheld == {"suppressed": 1}
    with press.database.reading() as session:
        why = suppressions.why(session, "gone@reader.example", now=press.clock.now())
    assert why is not None
    assert "550 5.1.1 no such user" in why.evidence


def test_a_refusal_of_our_content_is_not_held_against_the_address(press: Press) -> None:
    newsletter_id = set_up(press, "ana@reader.example")
    press.sink.refuse_data["ana@reader.example"] = "554 5.7.1 looks like spam"
    mailing_id = press.expand(newsletter_id)

    press.drain()

    assert press.receipt(mailing_id).failed == 1
    assert suppress(press.database.transaction, now=press.clock.now()).count == 0


def test_a_deferred_message_is_tried_again_with_the_same_bytes_whatever_has_changed(press: Press) -> None:
    newsletter_id = set_up(press, "ana@reader.example")
    press.sink.refuse_data["ana@reader.example"] = "451 4.3.0 later"
    press.clock.advance(timedelta(hours=11, minutes=50))  # the retry falls into the next day
    mailing_id = press.expand(newsletter_id)
    press.drain()
    del press.sink.refuse_data["ana@reader.example"]

    change_everything(press, newsletter_id)
    press.clock.advance(timedelta(minutes=13))
    press.drain()

    (first,), (second,) = press.sink.refused, press.sink.messages
    assert (first.mail_from, first.message) == (second.mail_from, second.message)
    assert press.receipt(mailing_id).submitted == 1


def change_everything(press: Press, newsletter_id: int) -> None:
    """Change the reader's name and topics, the newsletter's name, the article and the keys."""
    with press.database.transaction() as session:
        session.execute(text("UPDATE subscribers SET name = 'Somebody else'"))
        session.execute(text("UPDATE subscriptions SET topics = 1"))
        session.execute(text("UPDATE newsletters SET name = 'Renamed', from_name = 'Renamed'"))
        session.execute(text("UPDATE articles SET title = 'Corrected'"))
        for purpose in KeyPurpose:
            keys.rotate(session, purpose, now=press.clock.now())


def test_a_message_that_is_refused_for_a_day_expires_and_counts_as_failed(press: Press) -> None:
    newsletter_id = set_up(press, "ana@reader.example")
    press.sink.refuse_rcpt["ana@reader.example"] = "450 4.2.0 greylisted"
    mailing_id = press.expand(newsletter_id)

    for _ in range(60):
        press.drain()
        press.clock.advance(timedelta(minutes=30))

    receipt = press.receipt(mailing_id)
    assert (receipt.failed, receipt.deferred) == (1, 0)
    with press.database.reading() as session:
        assert mailings.get(session, mailing_id).status is MailingStatus.DONE
        [expired] = outcomes.open_ones(session, {OutcomeKind.EXPIRED}, limit=5)
    assert (expired.reply_code, expired.reply_enhanced, expired.evidence) == (450, "4.2.0", "greylisted")


def test_a_reader_with_a_new_address_is_not_retried_at_the_old_one(press: Press) -> None:
    newsletter_id = set_up(press, "ana@reader.example")
    press.sink.refuse_rcpt["ana@reader.example"] = "450 4.2.0 later"
    mailing_id = press.expand(newsletter_id)
    press.drain()
    press.sink.clear()
    with press.database.transaction() as session:
        session.execute(
            text("UPDATE subscribers SET address = 'new@reader.example', address_key = 'new@reader.example'")
        )

    press.clock.advance(timedelta(minutes=15))
    press.drain()

    assert press.sink.messages == []
    assert press.receipt(mailing_id).withheld == {"address_changed": 1}


def test_a_relay_that_is_down_loses_nothing_and_says_so(press: Press) -> None:
    newsletter_id = set_up(press, "ana@reader.example", "ben@reader.example")
    mailing_id = press.expand(newsletter_id)
    press.sink.stop()

    press.drain()

    assert press.receipt(mailing_id).unclaimed == 2
    with press.database.reading() as session:
        assert "does not answer" in (mailings.get(session, mailing_id).fault or "")
    press.sink.start()
    press.clock.advance(timedelta(seconds=31))
    press.drain()
    assert press.receipt(mailing_id).submitted == 2
    with press.database.reading() as session:
        assert mailings.get(session, mailing_id).fault is None


def test_a_relay_that_stays_down_for_a_day_lets_the_issue_expire(press: Press) -> None:
    mailing_id = press.expand(set_up(press, "ana@reader.example"))
    press.clock.advance(timedelta(hours=25))

    press.drain()

    assert press.sink.messages == []
    assert press.receipt(mailing_id).failed == 1
    with press.database.reading() as session:
        assert not outcomes.are_open(session)


def test_a_paused_mailing_sends_nothing_until_it_is_resumed(press: Press) -> None:
    newsletter_id = set_up(press, "ana@reader.example")
    mailing_id = press.expand(newsletter_id)
    with press.database.transaction() as session:
        issue_id = control.pause(session, mailings.get(session, mailing_id).issue_id).issue_id

    press.drain()
    assert press.sink.messages == []

    with press.database.transaction() as session:
        control.resume(session, issue_id)
    press.drain()
    assert len(press.sink.messages) == 1


def test_a_cancelled_mailing_ends_with_an_exact_receipt(press: Press) -> None:
    newsletter_id = set_up(press, "ana@reader.example", "ben@reader.example")
    press.sink.refuse_rcpt["ana@reader.example"] = "450 4.2.0 later"
    mailing_id = press.expand(newsletter_id)
    press.drain()
    with press.database.transaction() as session:
        control.cancel(session, mailings.get(session, mailing_id).issue_id)

    press.drain()
    press.clock.advance(timedelta(hours=1))
    press.drain()

    receipt = press.receipt(mailing_id)
    assert (receipt.submitted, receipt.withheld) == (1, {"cancelled": 1})
    with press.database.reading() as session:
        mailing = mailings.get(session, mailing_id)
        assert (mailing.status, mailing.finished_at is None) == (MailingStatus.CANCELLED, False)


def test_a_mailing_cancelled_before_it_began_withholds_everybody(press: Press) -> None:
    mailing_id = press.expand(set_up(press, "ana@reader.example"))
    with press.database.transaction() as session:
        control.cancel(session, mailings.get(session, mailing_id).issue_id)

    press.drain()

    assert press.sink.messages == []
    assert press.receipt(mailing_id).withheld == {"cancelled": 1}


def test_a_message_carries_the_headers_of_a_digest(press: Press) -> None:
    press.expand(set_up(press, "ana@reader.example"))

    press.drain()

    (received,) = press.sink.messages
    message = parsed(received)
    assert received.mail_from.startswith("b-")
    assert received.mail_from.endswith("@b.post.example.com")
    assert message["To"] == "Ana <ana@reader.example>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["Precedence"] == "bulk"
    assert message["Message-ID"].endswith("@news.post.example.com>")
    https, mailto = message["List-Unsubscribe"].split(", ")
    assert https.startswith("<https://news.post.example.com/u/")
    assert mailto.startswith("<mailto:u-")


def test_every_message_has_an_id_of_its_own(press: Press) -> None:
    press.expand(set_up(press, *(f"r{n}@reader.example" for n in range(20))))

    press.drain()

    assert len({parsed(received)["Message-ID"] for received in press.sink.messages}) == 20
