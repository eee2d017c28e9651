"""Check what is kept of destinations, domains and warm-ups, and that two workers learn one thing once."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select

from newsletter.domain import throttling, warmup
from newsletter.domain.errors import Conflict, NotFound
from newsletter.domain.issues import IssueStatus
from newsletter.domain.mailings import MessageStatus
from newsletter.domain.outcomes import OutcomeKind, OutcomeSource, SmtpReply
from newsletter.domain.warmup import Health, Step
from newsletter.store import Database, Session, destinations, domains, outcomes, subscribers, warmups
from newsletter.store.tables import Destination, Domain, Issue, Mailing, Message, Newsletter, Subscriber
from tests.builders import add_newsletter
from tests.clocks import NOON

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
RATE = SmtpReply.parse(421, "4.7.28 an unusual rate of mail for ada@example.com")
BUSY = SmtpReply.parse(451, "4.4.5 Server busy")


def hit(
    session: Session, reply: SmtpReply = RATE, *, after: timedelta = timedelta(), group: str = "google"
) -> bool:
    said = throttling.read(reply, group)
    return destinations.hit(session, "relay", group, said, reply, observed=600, now=NOON + after)


def row(session: Session, group: str = "google") -> Destination:
    return destinations.named(session, group)[0]


def rates_of(session: Session) -> list[tuple[float | None, datetime | None, int, datetime | None]]:
    return [
        (each.rate, each.suspended_until, each.hits, each.grows_at) for each in destinations.listing(session)
    ]


def test_two_workers_that_hear_the_same_throttling_halve_once(database: Database) -> None:
    noted = []
    for after in (0, 3, 9):
        with database.transaction() as session:
            noted.append(hit(session, BUSY, after=after * SECOND))

    with database.transaction() as session:
        assert noted == [True, False, False]
        assert (row(session).rate, row(session).hits) == (300, 1)


def test_a_suspension_is_kept_with_the_reply_and_without_the_readers_address(session: Session) -> None:
    hit(session)

    found = row(session)
    assert found.suspended_until == NOON + HOUR
    assert found.rate == 10
    assert found.last_reply == "421 4.7.28 an unusual rate of mail for [address]"
    assert [each.mx_group for each in destinations.limiting(session, now=NOON)] == ["google"]


def test_a_rate_grows_once_a_minute_whoever_asks(session: Session) -> None:
    hit(session, BUSY)

    for seconds in (30, 60, 61, 119, 120):
        destinations.grow(session, "relay", "google", now=NOON + seconds * SECOND)

    assert row(session).rate == pytest.approx(300 * 1.1**2)


def test_what_grew_for_a_clean_day_limits_no_more(session: Session) -> None:
    hit(session, BUSY)

    destinations.grow(session, "relay", "google", now=NOON + DAY)

    assert destinations.limiting(session, now=NOON + DAY) == []


def test_the_operator_resumes_and_may_forgive(session: Session) -> None:
    hit(session)

    destinations.resume(session, "google", now=NOON + MINUTE)
    resumed = rates_of(session)
    destinations.resume(session, "google", now=NOON + MINUTE, is_forgiven=True)

    assert resumed == [(10, None, 0, NOON + 2 * MINUTE)]
    assert rates_of(session) == [(None, None, 0, None)]


def test_the_operator_sets_and_lifts_a_limit(session: Session) -> None:
    destinations.limit(session, "x.example", 30, now=NOON)
    limited = [(each.relay, each.limit_rate) for each in destinations.limiting(session, now=NOON)]

    destinations.limit(session, "x.example", None, now=NOON)

    assert limited == [(destinations.EVERY_RELAY, 30)]
    assert destinations.limiting(session, now=NOON) == []


def test_what_is_not_known_cannot_be_resumed_or_freed(session: Session) -> None:
    with pytest.raises(NotFound):
        destinations.resume(session, "x.example", now=NOON)
    with pytest.raises(NotFound):
        destinations.limit(session, "x.example", None, now=NOON)


def test_those_in_trouble_are_listed_first(session: Session) -> None:
    destinations.limit(session, "a.example", 30, now=NOON)
    hit(session, group="google")
    hit(session, SmtpReply.parse(550, "5.7.515 not authenticated"), group="outlook")

    assert [each.mx_group for each in destinations.listing(session)] == ["outlook", "google", "a.example"]


def test_domains_are_grouped_by_their_servers_or_by_name(session: Session) -> None:
    ids = subscribers.domain_ids(session, ["gmail.com", "firm.example", "other.example"])
    domains.keep_groups(session, {"firm.example": "google", "other.example": None}, now=NOON)

    groups = domains.groups_of(session, ids.values())

    assert groups == {
        ids["gmail.com"]: "google",
        ids["firm.example"]: "google",
        ids["other.example"]: "other.example",
    }
    assert set(domains.of_group(session, "google")) == {ids["gmail.com"], ids["firm.example"]}
    assert domains.of_group(session, "other.example") == [ids["other.example"]]


def test_domains_of_many_readers_are_resolved_first_and_failures_after_a_day(session: Session) -> None:
    ids = subscribers.domain_ids(session, ["few.example", "many.example", "none.example", "known.example"])
    for number, name in enumerate(["few.example", *["many.example"] * 3]):
        session.add(Subscriber(address_key=f"{number}@{name}", domain_id=ids[name], created_at=NOON))
    domains.keep_groups(session, {"known.example": "google"}, now=NOON)

    first = domains.unresolved(session, now=NOON, limit=2)
    domains.keep_groups(session, {"many.example": None, "few.example": "outlook"}, now=NOON)
    soon = domains.unresolved(session, now=NOON + DAY, limit=9)
    later = domains.unresolved(session, now=NOON + DAY + SECOND, limit=9)

    assert first == ["many.example", "few.example"]
    assert soon == ["none.example"]
    assert later == ["many.example", "none.example"]
    assert domains.has_unresolved(session, now=NOON)


def test_a_failure_keeps_what_was_known(session: Session) -> None:
    subscribers.domain_ids(session, ["firm.example"])
    domains.keep_groups(session, {"firm.example": "google"}, now=NOON)

    domains.keep_groups(session, {"firm.example": None}, now=NOON + DAY)

    assert session.scalar(select(Domain.mx_group)) == "google"


def add_mailing(session: Session, newsletter: Newsletter, *, number: int = 1) -> Mailing:
    issue = Issue(
        newsletter_id=newsletter.id,
        number=number,
        status=IssueStatus.MAILED,
        since=NOON,
        cut_off_at=NOON,
        planned_at=NOON,
    )
    session.add(issue)
    session.flush()
    mailing = Mailing(
        issue_id=issue.id, newsletter_id=newsletter.id, highest=1, started_at=NOON, expires_at=NOON + DAY
    )
    session.add(mailing)
    session.flush()
    return mailing


def add_messages(
    session: Session, mailing: Mailing, *ends: tuple[int, MessageStatus], first: int = 1
) -> None:
    for number, (minute, status) in enumerate(ends, first):
        session.add(
            Message(
                mailing_id=mailing.id,
                subscriber_id=number,
                at=minute * 60,
                code=250,
                status=status,
                picks=b"",
            )
        )
    session.flush()


def test_what_a_sender_used_is_counted_from_its_messages(session: Session) -> None:
    ours = add_mailing(session, add_newsletter(session, from_address="News@Post.Example.com"))
    other = add_mailing(session, add_newsletter(session, slug="x", from_address="news@other.example"))
    likely = add_mailing(session, add_newsletter(session, slug="y", from_address="news@mypost.example.com"))
    add_messages(
        session,
        ours,
        (0, MessageStatus.SUBMITTED),
        (60, MessageStatus.DEFERRED),
        (61, MessageStatus.UNCERTAIN),
        (62, MessageStatus.FAILED),
        (62, MessageStatus.WITHHELD),
        (62, MessageStatus.EXPIRED),
    )
    add_messages(session, other, (60, MessageStatus.SUBMITTED))
    add_messages(session, likely, (60, MessageStatus.SUBMITTED))

    counted = [warmups.used_count(session, "post.example.com", since=NOON + n * HOUR) for n in (-1, 0, 1, 2)]

    assert counted == [4, 4, 3, 0]


def test_the_health_of_a_sender_is_counted_from_outcomes_each_reader_once(session: Session) -> None:
    mailing = add_mailing(session, add_newsletter(session))
    add_messages(session, mailing, *[(1, MessageStatus.SUBMITTED)] * 10)
    told = [
        (OutcomeKind.DEFERRED, 1, "rate_limited"),
        (OutcomeKind.DEFERRED, 1, "rate_limited"),
        (OutcomeKind.DEFERRED, 2, "system"),
        (OutcomeKind.FAILED, 3, "policy"),
        (OutcomeKind.FAILED, 4, "invalid_recipient"),
        (OutcomeKind.BOUNCED, 5, "mailbox_full"),
        (OutcomeKind.COMPLAINED, 6, ""),
        (OutcomeKind.UNSUBSCRIBED, 7, ""),
    ]
    for number, (kind, reader, category) in enumerate(told):
        outcomes.add(
            session,
            kind=kind,
            source=OutcomeSource.DIALOGUE,
            at=NOON + MINUTE,
            event_key=str(number),
            mailing_id=mailing.id,
            subscriber_id=reader,
            category=category,
        )

    found = warmups.health(session, "post.example.com", since=NOON)
    later = warmups.health(session, "post.example.com", since=NOON + HOUR)

    assert found == Health(attempts=10, deferrals=2, policy_refusals=1, complaints=1, bounces=2)
    assert later == Health()


def test_a_warmup_is_begun_once_kept_with_its_history_and_forgotten(session: Session) -> None:
    today = date(2026, 11, 24)
    begun = warmup.begin(today)
    warmups.start(session, "post.example.com", begun)
    with pytest.raises(Conflict):
        warmups.start(session, "post.example.com", begun)

    row = warmups.get(session, "post.example.com")
    warmups.keep(row, Step(warmup.halve(begun, today=today).warmup, "halved"), on=today)
    session.flush()
    session.expire_all()

    kept = warmups.get(session, "post.example.com")
    assert warmups.warmup_of(kept).ceiling == 100
    assert [(line["why"], line["ceiling"]) for line in kept.history] == [("begun", 200), ("halved", 100)]
    assert [each.domain for each in warmups.listing(session)] == ["post.example.com"]
    warmups.stop(session, "post.example.com")
    assert warmups.lock(session, "post.example.com") is None
    with pytest.raises(NotFound):
        warmups.stop(session, "post.example.com")
