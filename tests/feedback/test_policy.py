"""What follows from what comes back: suppressed, held, counted, alerted, or nothing at all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from newsletter.domain.mailings import MailingStatus
from newsletter.domain.outcomes import OutcomeKind, OutcomeSource
from newsletter.domain.suppressions import Pending, SuppressionReason
from newsletter.feedback.suppress import Suppressed, suppress
from newsletter.store import alerts, mailings, messages, outcomes, subscribers, suppressions
from newsletter.store.outcomes import Told
from newsletter.store.tables import Suppression
from tests.builders import add_reader
from tests.clocks import NOON
from tests.feedback.post import ADA, BOB, Post, bounce, complaint

DAY = timedelta(days=1)
FULL = "452 4.2.2 Mailbox full"


def act(post: Post, *, has_no_mail: bool | None = None) -> Suppressed:
    """Apply the policy; the DNS says what it is told to."""
    return suppress(post.database.transaction, now=post.clock.now(), ask_dns=lambda _domain: has_no_mail)


def standing(post: Post, address: str = ADA) -> Suppression | None:
    """Return what stands against an address."""
    with post.database.reading() as session:
        found = suppressions.of_address(session, address)
    return found[0] if found and found[0].lifted_at is None else None


def fail(post: Post, *, mailing: int, text: str = FULL, status: str = "4.2.2", address: str = ADA) -> None:
    """Let a report to a return path come in, and act on it."""
    post.come(bounce(address, status=status, text=text), recipient=post.token("b", address, mailing=mailing))
    act(post)


def fail_every(post: Post, days: Sequence[float], **over: str) -> None:
    """Send an issue on some days, counted from noon, each of which comes back."""
    for day in days:
        post.clock.advance(NOON + day * DAY - post.clock.now())
        fail(post, mailing=post.mail(at=post.clock.now()), **over)


def test_a_bounce_of_a_mailbox_that_does_not_exist_suppresses_with_its_evidence(post: Post) -> None:
    post.come(bounce(), recipient=post.token("b"))

    assert act(post) == Suppressed(count=1)

    found = standing(post)
    assert found is not None
    assert (found.reason, found.pending, found.expires_at) == (SuppressionReason.HARD_BOUNCE, None, None)
    assert found.outcome_ids == [outcome.id for outcome in post.outcomes()]
    assert "unknown" in found.evidence.lower()
    assert standing(post, BOB) is None


def test_a_forged_bounce_is_held_until_a_second_send_fails(post: Post) -> None:
    post.come(bounce())
    assert act(post) == Suppressed(held=1)
    held = standing(post)
    assert held is not None
    assert held.pending is Pending.DOUBTFUL

    post.come(bounce(text="550 5.1.1 again"))
    assert act(post) == Suppressed()

    post.clock.advance(2 * DAY)
    fail(post, mailing=post.mail(at=post.clock.now()), status="5.1.1", text="550 5.1.1 No such user")
    found = standing(post)
    assert found is not None
    assert (found.reason, found.pending) == (SuppressionReason.HARD_BOUNCE, None)


def test_a_complaint_suppresses_for_all_bulk_mail_at_once(post: Post) -> None:
    post.come(complaint(returned=f"Message-ID: <{post.token('m')}>"))

    assert act(post) == Suppressed(count=1)

    found = standing(post)
    assert found is not None
    assert (found.reason, found.scope) == (SuppressionReason.COMPLAINT, "bulk")


@pytest.mark.parametrize("kind", ["other", "virus", "auth-failure", "not-spam"])
def test_other_reports_of_feedback_loops_suppress_nobody(post: Post, kind: str) -> None:
    post.come(complaint(kind, returned=f"Message-ID: <{post.token('m')}>"))

    assert act(post) == Suppressed()


def test_a_full_mailbox_is_left_alone_after_five_sends_and_probed_after_180_days(post: Post) -> None:
    fail_every(post, [0, 8, 16, 24])
    assert standing(post) is None

    fail_every(post, [32])
    found = standing(post)
    assert found is not None
    assert (found.reason, len(found.outcome_ids)) == (SuppressionReason.MAILBOX_FULL, 5)
    assert found.expires_at == NOON + (32 + 180) * DAY

    fail_every(post, [220])
    again = standing(post)
    assert again is not None
    assert again.expires_at == NOON + (220 + 180) * DAY


def test_a_message_about_which_nothing_came_back_has_arrived(post: Post) -> None:
    fail_every(post, [0, 8, 16])
    post.mail(at=NOON + 20 * DAY)

    fail_every(post, [26, 32, 38])

    assert standing(post) is None


def test_a_message_of_which_something_may_still_come_back_has_not_arrived_yet(post: Post) -> None:
    fail_every(post, [0, 8, 16, 24])
    post.mail(at=NOON + 29 * DAY)

    fail_every(post, [32])

    assert standing(post) is not None


def test_a_disabled_mailbox_is_suppressed_for_half_a_year_at_the_second_send(post: Post) -> None:
    fail_every(post, [0, 7], status="5.2.1", text="550 5.2.1 This account is disabled")

    found = standing(post)
    assert found is not None
    assert (found.reason, found.expires_at) == (SuppressionReason.INACTIVE, NOON + (7 + 180) * DAY)


@pytest.mark.parametrize(("answer", "is_suppressed"), [(True, True), (False, False), (None, False)])
def test_a_domain_is_lost_when_the_dns_says_so_too(
    *, post: Post, answer: bool | None, is_suppressed: bool
) -> None:
    for day in (0, 2):
        post.clock.advance(day * DAY)
        recipient = post.token("b", mailing=post.mail(at=post.clock.now()))
        post.come(bounce(status="5.1.2", text="550 5.1.2 Host unknown"), recipient=recipient)
        found = act(post, has_no_mail=answer)

    assert found == Suppressed(count=int(is_suppressed))
    assert act(post) == Suppressed()


def test_trouble_that_half_the_domain_has_on_a_day_counts_against_nobody(post: Post) -> None:
    with post.database.transaction() as session:
        domain = subscribers.domain_ids(session, ["example.com"])["example.com"]
        for reader in subscribers.get_many(session, post.readers.values()):
            reader.domain_id = domain
    days = range(0, 60, 3)
    for day in days:
        mailing = post.mail(at=NOON + day * DAY)
        post.clock.advance(NOON + day * DAY - post.clock.now())
        time_out(post, [ADA, BOB], mailing=mailing)
    assert act(post) == Suppressed()

    for day in days:
        mailing = post.mail(at=NOON + (100 + day) * DAY)
        post.clock.advance(NOON + (100 + day) * DAY - post.clock.now())
        time_out(post, [ADA], mailing=mailing)
    assert act(post) == Suppressed(count=1)
    assert standing(post, BOB) is None


def time_out(post: Post, addresses: Sequence[str], *, mailing: int) -> None:
    """Write down that a server did not answer for days."""
    write(
        post,
        [post.readers[address] for address in addresses],
        kind=OutcomeKind.BOUNCED,
        mailing=mailing,
        at=post.clock.now(),
        reason="expired",
        category="transit",
    )


def crowd(post: Post, count: int, *, domain: str = "example.com") -> dict[str, int]:
    """Add readers at one domain who are mailed from now on."""
    with post.database.transaction() as session:
        domain_id = subscribers.domain_ids(session, [domain])[domain]
        for number in range(count):
            reader = add_reader(session, post.newsletter, f"reader{number}@{domain}")
            reader.domain_id = domain_id
            post.readers[f"reader{number}@{domain}"] = reader.id
        return {address: reader for address, reader in post.readers.items() if "reader" in address}


def refuse(post: Post, readers: Sequence[int], *, mailing: int, at: datetime, key: str = "") -> None:
    """Write down that readers do not exist, by the word of a dialogue."""
    write(
        post,
        readers,
        kind=OutcomeKind.FAILED,
        mailing=mailing,
        at=at,
        reason="userunknown",
        category="invalid_recipient",
        key=key,
    )


def write(
    post: Post,
    readers: Sequence[int],
    *,
    kind: OutcomeKind,
    mailing: int,
    at: datetime,
    reason: str,
    category: str,
    key: str = "",
) -> None:
    with post.database.transaction() as session:
        for reader in readers:
            outcomes.add(
                session,
                kind=kind,
                source=OutcomeSource.DIALOGUE,
                at=at,
                event_key=f"{key}{mailing}:{reader}",
                mailing_id=mailing,
                subscriber_id=reader,
                reason=reason,
                category=category,
                told=Told(reply_code=550),
                needs_action=True,
            )


def test_a_receiver_that_suddenly_knows_nobody_is_not_believed(post: Post) -> None:
    readers = list(crowd(post, 60).values())
    mailing = post.mail(at=NOON)
    post.clock.advance(timedelta(minutes=30))
    refuse(post, readers[:5], mailing=mailing, at=NOON)
    assert act(post) == Suppressed(count=5)

    refuse(post, readers[5:25], mailing=mailing, at=post.clock.now())

    assert act(post) == Suppressed(held=20)
    with post.database.reading() as session:
        rows = suppressions.listing(session, now=post.clock.now(), limit=100)
        told = alerts.recent(session, now=post.clock.now())
    assert {row.pending for row in rows} == {Pending.OUTBREAK}
    assert len(rows) == 25
    assert [(alert.code, alert.subject) for alert in told] == [("outbreak", "example.com")]

    post.clock.advance(2 * DAY)
    refuse(post, readers[:25], mailing=post.mail(at=post.clock.now()), at=post.clock.now())
    assert act(post) == Suppressed(count=25)


def test_a_receiver_that_refuses_few_or_has_always_refused_many_is_believed(post: Post) -> None:
    readers = list(crowd(post, 60).values())
    month_ago = post.mail(at=NOON - 10 * DAY)
    refuse(post, readers[:25], mailing=month_ago, at=NOON - 10 * DAY)
    act(post)
    mailing = post.mail(at=NOON)

    refuse(post, readers[25:50], mailing=mailing, at=NOON)

    assert act(post) == Suppressed(count=25)


def test_a_mailing_to_a_bad_list_is_paused_once_and_says_why(post: Post) -> None:
    with post.database.transaction() as session:
        rows = [(post.mailings[0], 10_000 + number, 0, 250, 0, b"") for number in range(600)]
        messages.append(session, rows)
    readers = list(crowd(post, 40, domain="one.example").values())
    refuse(post, readers[:10], mailing=post.mailings[0], at=NOON)
    act(post)
    assert paused(post) is MailingStatus.RUNNING

    refuse(post, readers[10:], mailing=post.mailings[0], at=NOON)
    act(post)
    assert paused(post) is MailingStatus.PAUSED

    with post.database.transaction() as session:
        mailing = mailings.get(session, post.mailings[0])
        assert mailing.fault is not None
        assert "40 of 602 addresses do not exist" in mailing.fault
        mailings.move(session, mailing, MailingStatus.RUNNING)
    refuse(post, list(post.readers.values())[:2], mailing=post.mailings[0], at=NOON, key="more")
    act(post)
    assert paused(post) is MailingStatus.RUNNING


def paused(post: Post) -> MailingStatus:
    with post.database.reading() as session:
        return mailings.status(session, post.mailings[0])


def test_what_is_ours_to_mend_is_told_and_held_against_nobody(post: Post) -> None:
    for text, status in (
        ("550 5.7.26 not authenticated by DMARC", "5.7.26"),
        ("554 5.7.1 spam content", "5.7.1"),
    ):
        post.come(bounce(status=status, text=text), recipient=post.token("b"))

    assert act(post) == Suppressed()
    with post.database.reading() as session:
        codes = {alert.code for alert in alerts.recent(session, now=NOON)}
    assert codes == {"authentication", "content"}


def opened(post: Post, at: datetime, *, reason: str = "") -> None:
    """Write down that Ada's first message was opened."""
    with post.database.transaction() as session:
        outcomes.add(
            session,
            kind=OutcomeKind.OPENED,
            source=OutcomeSource.PROVIDER,
            at=at,
            event_key=f"opened {at} {reason}",
            mailing_id=post.mailings[0],
            subscriber_id=post.readers[ADA],
            reason=reason,
        )


def test_a_message_that_was_opened_makes_its_bounce_doubtful(post: Post) -> None:
    opened(post, NOON - timedelta(minutes=1))
    post.come(bounce(), recipient=post.token("b"))

    assert act(post) == Suppressed(held=1)


@pytest.mark.parametrize(("reason", "is_suppressed"), [("", False), ("machine", True)])
def test_whoever_opens_a_message_afterwards_lives_unless_it_is_a_machine(
    *, post: Post, reason: str, is_suppressed: bool
) -> None:
    post.come(bounce(), recipient=post.token("b"))
    opened(post, NOON + timedelta(hours=1), reason=reason)
    post.clock.advance(timedelta(hours=2))

    assert act(post) == Suppressed(count=int(is_suppressed))


def test_more_outcomes_than_one_transaction_takes_are_worked_off(post: Post) -> None:
    readers = list(crowd(post, 55).values())
    for number in range(2):
        refuse(post, readers, mailing=100 + number, at=NOON, key=str(number))

    assert act(post) == Suppressed(count=55)
    with post.database.reading() as session:
        assert outcomes.open_ones(session, set(OutcomeKind), limit=10) == []
