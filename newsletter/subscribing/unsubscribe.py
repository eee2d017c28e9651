"""Let readers leave: at once, from any mail ever sent to them, as often as they say so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from newsletter.domain import addresses
from newsletter.domain.consent import ConsentChannel, ConsentEvidence, ConsentKind
from newsletter.domain.errors import InvalidToken, NotFound
from newsletter.domain.outcomes import OutcomeKind, OutcomeSource
from newsletter.domain.subscriptions import EndReason, SubscriptionStatus
from newsletter.domain.tokens import LinkPurpose, LinkToken, read_link
from newsletter.store import (
    Session,
    Transactions,
    consent,
    keys,
    mailings,
    newsletters,
    notices,
    outcomes,
    subscribers,
    subscriptions,
)
from newsletter.store.tables import KeyPurpose, Newsletter, NoticeKind, Outcome

_AT_ONCE = 200  # mails in one transaction
_ANSWER_GAP = timedelta(days=7)
_ANSWER_LIFETIME = timedelta(days=2)  # later it would only surprise


@dataclass(frozen=True, kw_only=True)
class Membership:
    """Hold what a page about one reader and one newsletter shows; the address only in a masked form."""

    subscriber_id: int
    newsletter: Newsletter
    masked_address: str
    language: str | None
    status: SubscriptionStatus
    other_count: int
    mailing_id: int = 0


def describe(session: Session, text: str, *, now: datetime) -> Membership:
    """Say what an unsubscribe link is about, changing nothing; such links never expire (RFC 8058, CASL)."""
    token = read_link(text, LinkPurpose.UNSUBSCRIBE, keys.ring(session, KeyPurpose.LINKS), now=now)
    return membership(session, token)


def membership(session: Session, token: LinkToken) -> Membership:
    """Look up the reader and newsletter of a token; raise InvalidToken when they are not kept any more."""
    try:
        subscriber = subscribers.get(session, token.subscriber_id)
        newsletter = newsletters.get(session, token.object_id)
    except NotFound as error:
        raise InvalidToken(
            "What this link was about is not kept any more.",
            hint="Nothing is left to do.",
            reason="gone_token",
        ) from error
    held = {s.newsletter_id: s.status for s in subscriptions.of_subscriber(session, subscriber.id)}
    active = [n for n, status in held.items() if status is SubscriptionStatus.ACTIVE]
    return Membership(
        subscriber_id=subscriber.id,
        newsletter=newsletter,
        masked_address=addresses.parse(subscriber.address).masked if subscriber.address else "",
        language=subscriber.language,
        status=held.get(newsletter.id, SubscriptionStatus.ENDED),
        other_count=len([n for n in active if n != newsletter.id]),
        mailing_id=token.mailing_id,
    )


def leave(
    session: Session,
    *,
    subscriber_id: int,
    newsletter_id: int,
    channel: ConsentChannel,
    now: datetime,
    mailing_id: int = 0,
    evidence: ConsentEvidence | None = None,
) -> bool:
    """End one subscription; False when it had ended before, and then nothing changes.

    ``mailing_id`` 0: not from a mail of ours.
    """
    ended = subscriptions.end(
        session, subscriber_id, reason=EndReason.UNSUBSCRIBED, newsletter_ids=[newsletter_id], now=now
    )
    _record(session, subscriber_id, ended, mailing_id, _evidence(channel, evidence), now=now)
    return bool(ended)


def leave_all(
    session: Session,
    *,
    subscriber_id: int,
    channel: ConsentChannel,
    now: datetime,
    mailing_id: int = 0,
    evidence: ConsentEvidence | None = None,
) -> list[int]:
    """End all subscriptions of a reader, and confirmations under way; return the newsletters left."""
    ended = subscriptions.end(session, subscriber_id, reason=EndReason.UNSUBSCRIBED, now=now)
    notices.withhold(session, subscriber_id, now=now)
    _record(session, subscriber_id, ended, mailing_id, _evidence(channel, evidence), now=now)
    return ended


def work_off(transactions: Transactions, *, now: datetime) -> int:
    """End the subscriptions of readers who unsubscribed by mail; return how many mails were looked at."""
    count = 0
    while True:
        with transactions() as session:
            some = outcomes.open_ones(session, {OutcomeKind.UNSUBSCRIBED}, limit=_AT_ONCE)
            for outcome in some:
                _leave_by_mail(session, outcome, now=now)
        count += len(some)
        if len(some) < _AT_ONCE:
            return count


def _leave_by_mail(session: Session, outcome: Outcome, *, now: datetime) -> None:
    outcome.acted_at = now
    if outcome.mailing_id is None or outcome.subscriber_id is None:
        return
    mailing = mailings.find(session, outcome.mailing_id)
    if mailing is None:
        return
    has_left = leave(
        session,
        subscriber_id=outcome.subscriber_id,
        newsletter_id=mailing.newsletter_id,
        channel="mail",
        mailing_id=outcome.mailing_id,
        now=now,
    )
    if has_left and outcome.answer_to:
        _answer(session, outcome.subscriber_id, mailing.newsletter_id, outcome.answer_to, now=now)


def _answer(
    session: Session, subscriber_id: int, newsletter_id: int, message_id: str, *, now: datetime
) -> None:
    """Tell the reader, at the reader's own address and at most once in 7 days, that it is done (RFC 3834 §2)."""
    if notices.has_had(session, NoticeKind.LEFT, subscriber_id, since=now - _ANSWER_GAP):
        return
    notices.add(
        session,
        NoticeKind.LEFT,
        subscriber_id,
        newsletter_id,
        {"answers": message_id},
        now=now,
        expires_at=now + _ANSWER_LIFETIME,
    )


def _evidence(channel: ConsentChannel, evidence: ConsentEvidence | None) -> ConsentEvidence:
    return ConsentEvidence(channel=channel) if evidence is None else replace(evidence, channel=channel)


def _record(
    session: Session,
    subscriber_id: int,
    newsletter_ids: Sequence[int],
    mailing_id: int,
    evidence: ConsentEvidence,
    *,
    now: datetime,
) -> None:
    if not newsletter_ids:
        return
    consent.add(
        session,
        subscriber_id,
        ConsentKind.UNSUBSCRIBED,
        newsletters=newsletter_ids,
        evidence=evidence,
        now=now,
    )
    if evidence.channel == "mail":
        return  # the mail itself stands among the outcomes
    for newsletter_id in newsletter_ids:
        outcomes.add(
            session,
            kind=OutcomeKind.UNSUBSCRIBED,
            source=OutcomeSource.READER,
            at=now,
            event_key=f"left:{subscriber_id}:{newsletter_id}:{now.timestamp():.6f}",
            mailing_id=mailing_id or None,
            subscriber_id=subscriber_id,
            reason=evidence.channel,
        )
