"""Who gets nothing now, and why: snooze, caps, quiet hours, too few stories, what was taken back meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any  # fields of any table

import pytest

from newsletter.domain.issues import IssueKind
from newsletter.domain.mailings import MailingKind, MessageStatus, WithheldReason
from newsletter.domain.subscriptions import Cadence
from newsletter.sending.context import Context
from newsletter.store import articles, mailings, messages, subscriptions
from newsletter.store.leases import Claim
from newsletter.store.tables import Article, Mailing, Subscriber
from tests.builders import add_newsletter, add_reader
from tests.clocks import NOON
from tests.sending.press import Press
from tests.sending.test_decide import claimed, decided
from tests.sending.test_drain import set_up

HOUR = timedelta(hours=1)
ANA, BEN, EVA = 1, 2, 3
NAMES = ("ana@reader.example", "ben@reader.example", "eva@reader.example")


def begun(press: Press, newsletter_id: int, **over: Any) -> tuple[Context, Claim]:
    """Expand and claim; ``over`` changes the frozen issue."""
    context, claim = claimed(press, press.expand(newsletter_id))
    return replace(context, frozen=replace(context.frozen, **over)), claim


def change(press: Press, newsletter_id: int, reader: int, **over: Any) -> None:
    """Change a reader or the reader's subscription."""
    with press.database.transaction() as session:
        subscription = subscriptions.get(session, reader, newsletter_id)
        for name, value in over.items():
            target = session.get_one(Subscriber, reader) if name == "zone" else subscription
            setattr(target, name, value)


def ends(press: Press, context: Context, claim: Claim, *readers: int) -> dict[int, object]:
    """Return what is decided: a reason, True for a message, None for later."""
    found = decided(press, context, claim, readers)
    return (
        {message.subscriber_id: True for message in found.messages}
        | {one.planned.subscriber_id: WithheldReason(one.code) for one in found.settled}
        | dict.fromkeys(found.left)
    )


def set_up_with(press: Press, **settings: object) -> int:
    """Add a newsletter with three readers under some settings."""
    press.settings = press.settings.model_copy(update=settings)
    return set_up(press, *NAMES)


def test_who_snoozes_gets_nothing_until_the_snooze_is_over(press: Press) -> None:
    newsletter_id = set_up_with(press)
    change(press, newsletter_id, ANA, snoozed_until=press.clock.now() + HOUR)
    change(press, newsletter_id, BEN, snoozed_until=press.clock.now())
    context, claim = begun(press, newsletter_id, is_flash=True)

    assert ends(press, context, claim, ANA, BEN) == {ANA: WithheldReason.SNOOZED, BEN: True}


def test_a_digest_waits_for_the_end_of_quiet_hours_by_each_readers_clock(press: Press) -> None:
    newsletter_id = set_up_with(press, quiet_hours="21-7")
    change(press, newsletter_id, ANA, zone="Asia/Tokyo")  # 21:04
    change(press, newsletter_id, BEN, zone="Asia/Tokyo")
    change(press, newsletter_id, EVA, zone="Mars/Base")  # there is no such zone: that of the newsletter
    context, claim = begun(press, newsletter_id)
    change(press, newsletter_id, BEN, hour=21)  # the own wish counts more

    found = decided(press, context, claim, [ANA, BEN, EVA])

    assert [message.subscriber_id for message in found.messages] == [BEN, EVA]
    assert (found.left, found.held, found.quiet_until) == ((ANA,), frozenset(), NOON + 10 * HOUR)


def test_quiet_hours_hold_for_neither_first_digests_nor_flash(press: Press) -> None:
    newsletter_id = set_up_with(press, quiet_hours="11-15")
    context, claim = begun(press, newsletter_id)
    with press.database.transaction() as session:
        session.get_one(Mailing, context.mailing.id).kind = MailingKind.FIRST
        first = replace(context, mailing=mailings.get(session, context.mailing.id))

    flash = replace(context, frozen=replace(context.frozen, is_flash=True))
    assert ends(press, first, claim, ANA) == ends(press, flash, claim, ANA) == {ANA: True}


@pytest.mark.parametrize("is_flash", [False, True])
def test_breaking_news_is_not_told_in_quiet_hours_but_for_flash(press: Press, *, is_flash: bool) -> None:
    newsletter_id = set_up_with(press, quiet_hours="11-15")
    context, claim = begun(press, newsletter_id, kind=IssueKind.BREAKING, is_flash=is_flash)

    found = ends(press, context, claim, ANA)

    assert found == {ANA: True if is_flash else WithheldReason.QUIET_HOURS}


def test_a_put_off_batch_is_sent_when_quiet_hours_are_over(press: Press) -> None:
    newsletter_id = set_up_with(press, quiet_hours="10-15")
    mailing_id = press.expand(newsletter_id)
    with press.database.transaction() as session:
        for batch in mailings.batches(session, mailing_id):
            batch.due_at = press.clock.now()

    press.drain()
    assert (press.sink.messages, press.receipt(mailing_id).unclaimed) == ([], 3)
    press.clock.advance(HOUR)
    assert press.drain().batch_count == 0
    press.clock.advance(2 * HOUR)
    press.drain()

    assert press.receipt(mailing_id).submitted == 3


def test_the_cap_counts_the_mails_of_a_day_over_all_newsletters(press: Press) -> None:
    newsletter_id = set_up_with(press, daily_cap=1)
    with press.database.transaction() as session:
        weekend = add_newsletter(session, slug="weekend")
        add_reader(session, weekend, "zoe@reader.example")
    press.add_articles(weekend.id, "Regatta")
    other = press.expand(weekend.id)
    press.drain()
    with press.database.transaction() as session:
        started_at = mailings.get(session, other).started_at
        rows = [(other, ANA, 10, 250, MessageStatus.SUBMITTED, b""), (other, BEN, 0, 550, 3, b"")]
        messages.append(session, rows)
    press.clock.advance(timedelta(minutes=5))
    context, claim = begun(press, newsletter_id)
    flash = replace(context, frozen=replace(context.frozen, is_flash=True))

    assert ends(press, context, claim, ANA, BEN) == {ANA: WithheldReason.FREQUENCY_CAP, BEN: True}
    assert ends(press, flash, claim, ANA) == {ANA: True}
    press.clock.advance(started_at + timedelta(days=1, seconds=11) - press.clock.now())
    assert ends(press, context, replace_epoch(claim), ANA) == {ANA: True}


def replace_epoch(claim: Claim) -> Claim:
    """Return a claim of which nothing was read yet."""
    return Claim(claim.batch_id, claim.mailing_id, claim.bucket, claim.epoch + 1, claim.holder)


def test_what_another_newsletter_told_is_told_no_more_and_is_no_part_of_the_rhythm(press: Press) -> None:
    newsletter_id = set_up_with(press)
    with press.database.transaction() as session:
        weekend = add_newsletter(session, slug="weekend")
        add_reader(session, weekend, "zoe@reader.example")
    press.add_articles(weekend.id, "Regatta")
    other = press.expand(weekend.id)
    press.drain()
    with press.database.transaction() as session:  # the regatta and what is three below it: article 3 and 2
        messages.append(session, [(other, ANA, 10, 250, MessageStatus.SUBMITTED, b"\x03")])
    change(press, newsletter_id, ANA, cadence=Cadence.WEEKLY)
    context, claim = begun(press, newsletter_id)

    found = decided(press, context, claim, [ANA, BEN])

    numbers = [context.chooser.in_order(message.picks) for message in found.messages]
    assert numbers == [[1], [2, 1]]


def test_a_reader_with_an_hour_of_the_own_gets_no_digest_that_a_later_one_overtook(press: Press) -> None:
    newsletter_id = set_up_with(press)
    for reader in (ANA, BEN):
        change(press, newsletter_id, reader, cadence=Cadence.DAILY)
    context, claim = begun(press, newsletter_id)
    change(press, newsletter_id, ANA, hour=18)
    change(press, newsletter_id, EVA, hour=18)
    assert ends(press, context, claim, ANA) == {ANA: True}

    press.add_articles(newsletter_id, "Second day")
    press.expand(newsletter_id)

    found = ends(press, context, claim, ANA, BEN, EVA)
    assert found == {ANA: WithheldReason.SUPERSEDED, BEN: True, EVA: WithheldReason.SUPERSEDED}


def test_fewer_stories_than_the_minimum_make_no_mail(press: Press) -> None:
    newsletter_id = set_up_with(press)

    context, claim = begun(press, newsletter_id, story_minimum=3)

    assert ends(press, context, claim, ANA) == {ANA: WithheldReason.TOO_FEW}


def test_what_is_taken_back_while_an_issue_goes_out_is_told_to_nobody_more(press: Press) -> None:
    newsletter_id = set_up_with(press)
    context, claim = begun(press, newsletter_id)

    def picked(reader: int) -> list[int]:
        [message] = decided(press, context, claim, [reader]).messages
        return context.chooser.in_order(message.picks)

    def take_back(number: int) -> None:
        with press.database.transaction() as session:
            article = session.query(Article).filter_by(number=number).one()
            articles.mark_retracted(session, article.id, now=press.clock.now())

    assert picked(ANA) == [2, 1]
    take_back(2)
    assert picked(BEN) == [1]
    take_back(1)
    assert ends(press, context, claim, EVA) == {EVA: WithheldReason.RETRACTED}
