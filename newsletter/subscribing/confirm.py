"""Turn a pending subscription into an active one when its reader says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from newsletter.domain import addresses
from newsletter.domain.consent import ConsentEvidence, ConsentKind
from newsletter.domain.errors import InvalidToken
from newsletter.domain.subscriptions import CONFIRMATION_LIFETIME, EndReason, SubscriptionStatus
from newsletter.domain.suppressions import SuppressionReason, SuppressionScope, may_be_asked
from newsletter.domain.tokens import LinkPurpose, LinkToken, read_link
from newsletter.store import (
    Session,
    consent,
    keys,
    newsletters,
    notices,
    subscribers,
    subscriptions,
    suppressions,
)
from newsletter.store.tables import KeyPurpose, Newsletter, Notice, Subscriber
from newsletter.subscribing import asking


class InvitationState(StrEnum):
    """Say what a confirmation link can still do."""

    OPEN = "open"
    EXPIRED = "expired"
    CONFIRMED = "confirmed"
    ENDED = "ended"


@dataclass(frozen=True, kw_only=True)
class Invitation:
    """Hold what the page of a confirmation link shows; ``newsletters`` in the order they were asked for."""

    state: InvitationState
    subscriber_id: int
    address: str
    masked_address: str
    language: str | None
    newsletters: tuple[Newsletter, ...]


def describe(session: Session, text: str, *, now: datetime) -> Invitation:
    """Say what a confirmation link is about, changing nothing; raise InvalidToken for one that is not ours."""
    token, notice, subscriber = _read(session, text, LinkPurpose.CONFIRM, now=now)
    return _invitation(session, token, notice, subscriber, now=now)


def confirm(session: Session, text: str, *, evidence: ConsentEvidence, now: datetime) -> Invitation:
    """Activate what a link asks about and say where that leaves it; doing it again changes nothing.

    Only pending subscriptions move: the link in an old mail brings nobody back who has left since. A suppression
    that came from bounces is lifted, because this mail arrived.
    """
    token, notice, subscriber = _read(session, text, LinkPurpose.CONFIRM, now=now)
    subscribers.lock(session, subscriber.id)
    invitation = _invitation(session, token, notice, subscriber, now=now)
    if invitation.state is not InvitationState.OPEN:
        return invitation
    moved = subscriptions.activate(session, subscriber.id, _newsletter_ids(notice), now=now)
    consent.add(session, subscriber.id, ConsentKind.CONFIRMED, newsletters=moved, evidence=evidence, now=now)
    _lift_bounces(session, subscriber, now=now)
    return _invitation(session, token, notice, subscriber, now=now)


def ask_again(session: Session, text: str, *, now: datetime) -> bool:
    """Mail a new link for one that has expired, within the caps; pages answer alike whether one goes out."""
    token, notice, subscriber = _read(session, text, LinkPurpose.CONFIRM, now=now)
    subscribers.lock(session, subscriber.id)
    if _invitation(session, token, notice, subscriber, now=now).state is not InvitationState.EXPIRED:
        return False
    address = addresses.parse(subscriber.address or "")
    if asking.silence_for_address(session, address, now=now):
        return False
    pending = _pending(session, subscriber.id, notice)
    capped = asking.silences(session, subscriber.id, pending, abuse_key=address.abuse_key, now=now)
    wanted = [newsletter_id for newsletter_id in pending if newsletter_id not in capped]
    if not wanted:
        return False
    asking.ask(session, subscriber.id, wanted, now=now)
    return True


def describe_block(session: Session, text: str, *, now: datetime) -> Invitation:
    """Say what a link that blocks further confirmations is about, changing nothing."""
    token, notice, subscriber = _read(session, text, LinkPurpose.BLOCK, now=now)
    return _invitation(session, token, notice, subscriber, now=now)


def block(session: Session, text: str, *, evidence: ConsentEvidence, now: datetime) -> Invitation:
    """Ask an address nothing any more, and drop what is pending; active subscriptions stay."""
    token, notice, subscriber = _read(session, text, LinkPurpose.BLOCK, now=now)
    subscribers.lock(session, subscriber.id)
    is_new = suppressions.add(
        session,
        subscriber.address_key or "",
        scope=SuppressionScope.CONFIRMATIONS,
        reason=SuppressionReason.BLOCKED,
        evidence=f"link of notice {notice.id}",
        now=now,
    )
    dropped = subscriptions.end(
        session,
        subscriber.id,
        reason=EndReason.REMOVED,
        statuses=(SubscriptionStatus.PENDING,),
        now=now,
    )
    notices.withhold(session, subscriber.id, now=now)
    if is_new or dropped:
        consent.add(
            session,
            subscriber.id,
            ConsentKind.CONFIRMATIONS_BLOCKED,
            newsletters=dropped,
            evidence=evidence,
            now=now,
        )
    return _invitation(session, token, notice, subscriber, now=now)


def _read(
    session: Session, text: str, purpose: LinkPurpose, *, now: datetime
) -> tuple[LinkToken, Notice, Subscriber]:
    token = read_link(text, purpose, keys.ring(session, KeyPurpose.LINKS), now=now)
    notice = notices.get(session, token.object_id)
    if notice is None or notice.subscriber_id != token.subscriber_id:
        raise _gone()
    subscriber = subscribers.get(session, notice.subscriber_id)
    if subscriber.address is None:
        raise _gone()
    return token, notice, subscriber


def _gone() -> InvalidToken:
    return InvalidToken(
        "What this link was about is not kept any more.", hint="Sign up again.", reason="gone_token"
    )


def _invitation(
    session: Session, token: LinkToken, notice: Notice, subscriber: Subscriber, *, now: datetime
) -> Invitation:
    asked = [newsletters.get(session, newsletter_id) for newsletter_id in _newsletter_ids(notice)]
    return Invitation(
        state=_state(session, token, notice, now=now),
        subscriber_id=subscriber.id,
        address=subscriber.address or "",
        masked_address=addresses.parse(subscriber.address or "").masked,
        language=subscriber.language,
        newsletters=tuple(asked),
    )


def _state(session: Session, token: LinkToken, notice: Notice, *, now: datetime) -> InvitationState:
    if _pending(session, token.subscriber_id, notice):
        is_over = now > token.issued_at + CONFIRMATION_LIFETIME
        return InvitationState.EXPIRED if is_over else InvitationState.OPEN
    statuses = _statuses(session, token.subscriber_id)
    is_active = any(statuses.get(n) is SubscriptionStatus.ACTIVE for n in _newsletter_ids(notice))
    return InvitationState.CONFIRMED if is_active else InvitationState.ENDED


def _pending(session: Session, subscriber_id: int, notice: Notice) -> list[int]:
    statuses = _statuses(session, subscriber_id)
    return [n for n in _newsletter_ids(notice) if statuses.get(n) is SubscriptionStatus.PENDING]


def _statuses(session: Session, subscriber_id: int) -> dict[int, SubscriptionStatus]:
    return {s.newsletter_id: s.status for s in subscriptions.of_subscriber(session, subscriber_id)}


def _newsletter_ids(notice: Notice) -> list[int]:
    newsletter_ids: list[int] = notice.payload["newsletters"]
    return newsletter_ids


def _lift_bounces(session: Session, subscriber: Subscriber, *, now: datetime) -> None:
    suppression = suppressions.why(session, subscriber.address_key or "", now=now)
    if suppression is not None and may_be_asked(suppression.reason):
        suppressions.lift(session, suppression.address_key, now=now)
