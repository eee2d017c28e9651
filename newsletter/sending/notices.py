"""Submit the mails that answer one reader, such as confirmations: rows of their own, never behind an issue."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from newsletter.domain import retries
from newsletter.domain.errors import (
    NewsletterError,
    PermanentSendError,
    TransientSendError,
    TransportUnavailable,
    UncertainSendError,
)
from newsletter.domain.outcomes import SmtpReply
from newsletter.domain.rendered import Identity
from newsletter.domain.subscriptions import CONFIRMATION_LIFETIME
from newsletter.domain.suppressions import SuppressionScope, may_be_asked
from newsletter.domain.tokens import KeyRing, LinkPurpose, LinkToken, sign_link
from newsletter.mime.notice import NoticeMail, notice_message
from newsletter.rendering import notice as rendering
from newsletter.rendering.environment import Environment
from newsletter.rendering.notice import Rendered
from newsletter.runtime import ids, logs
from newsletter.runtime.clock import Clock
from newsletter.runtime.settings import Settings
from newsletter.sending import alert_mail, desk_mail, signing
from newsletter.sending.pace import Pace
from newsletter.store import Session, Transactions, keys, newsletters, notices, subscribers, suppressions
from newsletter.store.tables import KeyPurpose, Notice, NoticeKind, NoticeStatus, Subscriber
from newsletter.transports.base import Envelope, Transport

_AT_ONCE = 20  # notices in one claim: usually all are submitted well within its lease
_log = logs.get(__name__)


def submit_due(
    *,
    transactions: Transactions,
    transport: Transport,
    pace: Pace,
    environment: Environment,
    settings: Settings,
    clock: Clock,
    holder: str,
) -> int:
    """Submit what is due, oldest first, until nothing is or the relay takes no more; return how many went out."""
    count = 0
    with transactions() as session:
        notices.expire(session, now=clock.now())
    while True:
        with transactions() as session:
            due = notices.claim_due(session, holder=holder, now=clock.now(), limit=_AT_ONCE)
            mails = [
                (notice, _compose(session, notice, environment, settings, now=clock.now())) for notice in due
            ]
        for notice, mail in mails:
            if notice.lease_until is None or clock.now() >= notice.lease_until:
                break  # a slow relay: somebody else may have the rest by now
            try:
                count += _submit(transactions, transport, pace, notice, mail, now=clock.now(), holder=holder)
            except TransportUnavailable as error:
                _log.error("relay_unavailable", notice=notice.id, fault=str(error))
                _put_back(transactions, [each for each, _ in mails], clock.now(), holder=holder)
                return count
        if len(due) < _AT_ONCE:
            return count


class _Mail(NamedTuple):
    """Hold a notice as it goes out, and the domain that it goes to."""

    envelope: Envelope
    message: bytes
    domain_id: int | None


def _compose(
    session: Session, notice: Notice, environment: Environment, settings: Settings, *, now: datetime
) -> _Mail | None:
    """Return a notice's mail, the same on every attempt; None when its reader must not be written to (any more)."""
    if notice.subscriber_id is None:
        return _compose_for_desk(session, notice, environment, settings)
    subscriber = subscribers.get(session, notice.subscriber_id)
    newsletter = newsletters.get(session, notice.newsletter_id)
    if subscriber.address is None or _is_unwanted(session, subscriber, now=now):
        return None
    # The answer to a mail has the null return path, so that no machine answers it (RFC 3834 §3.3).
    is_answer = notice.kind is NoticeKind.LEFT
    envelope = Envelope("" if is_answer else newsletter.from_address, subscriber.address)
    if notice.message is None:
        write = _farewell if is_answer else _confirmation
        message = write(session, notice, subscriber, environment, settings)
        message = _kept(session, notice, message, newsletter.from_address)
        return _Mail(envelope, message, subscriber.domain_id)
    return _Mail(envelope, notice.message, subscriber.domain_id)


def _compose_for_desk(
    session: Session, notice: Notice, environment: Environment, settings: Settings
) -> _Mail | None:
    """Return a mail to one of the publisher's own people; None when there is nothing to say any more."""
    newsletter = newsletters.get(session, notice.newsletter_id)
    envelope = Envelope(newsletter.from_address, notice.address or "")
    if notice.message is not None:
        return _Mail(envelope, notice.message, None)
    rendered = (
        alert_mail.write(notice, environment)
        if notice.kind is NoticeKind.ALERT
        else desk_mail.write(session, notice, environment, settings)
    )
    if rendered is None:
        return None
    message = _written(notice, newsletters.identity(newsletter), envelope.rcpt_to, rendered, settings)
    return _Mail(envelope, _kept(session, notice, message, newsletter.from_address), None)


def _kept(session: Session, notice: Notice, message: bytes, from_address: str) -> bytes:
    """Sign a message and keep it, so that every attempt has the same bytes."""
    signers = signing.load(session, from_address)
    signer = signers.of(signers.key_ids)
    if signer is not None:
        message = signer.signed(message, at=notice.created_at)
    notices.keep_message(session, notice.id, message)
    return message


def _is_unwanted(session: Session, subscriber: Subscriber, *, now: datetime) -> bool:
    """Say whether the reader complained or asked for no more confirmations since the notice was queued."""
    key = subscriber.address_key or ""
    blocked = suppressions.why(session, key, now=now, scope=SuppressionScope.CONFIRMATIONS)
    suppressed = suppressions.why(session, key, now=now)
    return blocked is not None or (suppressed is not None and not may_be_asked(suppressed.reason))


def _confirmation(
    session: Session, notice: Notice, subscriber: Subscriber, environment: Environment, settings: Settings
) -> bytes:
    ring = keys.ring(session, KeyPurpose.LINKS)
    identity = newsletters.identity(newsletters.get(session, notice.newsletter_id))
    named = [newsletters.get(session, newsletter_id).name for newsletter_id in notice.payload["newsletters"]]
    rendered = rendering.confirmation(
        environment,
        identity=identity,
        newsletters=named,
        confirm_url=_link(settings, ring, LinkPurpose.CONFIRM, notice),
        block_url=_link(settings, ring, LinkPurpose.BLOCK, notice),
        language=subscriber.language,
        expires_on=(notice.created_at + CONFIRMATION_LIFETIME).date(),
    )
    return _written(notice, identity, subscriber.address or "", rendered, settings)


def _written(
    notice: Notice,
    identity: Identity,
    to_address: str,
    rendered: Rendered,
    settings: Settings,
    *,
    answers: str | None = None,
) -> bytes:
    return notice_message(
        NoticeMail(
            from_name=identity.from_name,
            from_address=identity.from_address,
            reply_to=identity.reply_to,
            to_name="",  # what a stranger typed into a form is mailed to nobody
            to_address=to_address,
            subject=rendered.subject,
            html=rendered.html,
            text=rendered.text,
            at=notice.created_at,
            message_id=f"n{notice.id}.{int(notice.created_at.timestamp())}@{settings.message_domain}",
            answers=answers,
        )
    )


def _farewell(
    session: Session, notice: Notice, subscriber: Subscriber, environment: Environment, settings: Settings
) -> bytes:
    identity = newsletters.identity(newsletters.get(session, notice.newsletter_id))
    rendered = rendering.farewell(
        environment,
        identity=identity,
        subscribe_url=f"{settings.public_url}/subscribe/{identity.slug}",
        language=subscriber.language,
    )
    answers = notice.payload["answers"]
    return _written(notice, identity, subscriber.address or "", rendered, settings, answers=answers)


def _link(settings: Settings, ring: KeyRing, purpose: LinkPurpose, notice: Notice) -> str:
    token = LinkToken(
        purpose=purpose,
        subscriber_id=notice.subscriber_id or 0,
        object_id=notice.id,
        issued_at=notice.created_at,
    )
    return f"{settings.public_url}/{purpose}/{sign_link(token, ring)}"


def _submit(
    transactions: Transactions,
    transport: Transport,
    pace: Pace,
    notice: Notice,
    mail: _Mail | None,
    *,
    now: datetime,
    holder: str,
) -> bool:
    """Submit one notice and record what became of it; True when the relay took it."""
    status, reply, next_attempt_at = NoticeStatus.WITHHELD, None, None
    if mail is not None and not pace.may_go(mail.domain_id):
        status, next_attempt_at = NoticeStatus.DUE, now + retries.NOTICES.first
    elif mail is not None:
        status, reply = _attempt(transport, pace, mail)
        may_come_twice = notice.kind is not NoticeKind.LEFT
        if status is NoticeStatus.UNCERTAIN and notice.attempt_count == 1 and may_come_twice:
            status = NoticeStatus.DUE
        if status is NoticeStatus.DUE:
            next_attempt_at = _next_attempt(notice, reply, now=now)
            status = NoticeStatus.FAILED if next_attempt_at is None else status
    with transactions() as session:
        notices.record_result(
            session,
            notice.id,
            holder=holder,
            status=status,
            now=now,
            reply=reply,
            next_attempt_at=next_attempt_at,
        )
    return status is NoticeStatus.SUBMITTED


def _next_attempt(notice: Notice, reply: SmtpReply | None, *, now: datetime) -> datetime | None:
    delay = retries.NOTICES.delay(
        notice.attempt_count, age=now - notice.created_at, jitter=ids.jitter(), reply=reply
    )
    return None if delay is None else now + delay


def _attempt(transport: Transport, pace: Pace, mail: _Mail) -> tuple[NoticeStatus, SmtpReply | None]:
    """Hand a notice over. One without an answer is sent once more: a second request to confirm does no harm."""
    try:
        return NoticeStatus.SUBMITTED, transport.submit(mail.envelope, mail.message)
    except TransportUnavailable:
        raise
    except TransientSendError as error:
        pace.heard(mail.domain_id, error.reply)
        return NoticeStatus.DUE, error.reply
    except PermanentSendError as error:
        pace.heard(mail.domain_id, error.reply)
        return NoticeStatus.FAILED, error.reply
    except UncertainSendError:
        return NoticeStatus.UNCERTAIN, None
    except NewsletterError as error:
        _log.error("notice_refused", fault=str(error))
        return NoticeStatus.FAILED, None


def _put_back(transactions: Transactions, due: list[Notice], now: datetime, *, holder: str) -> None:
    """Return claimed notices to the queue; those that were submitted have a result already and stay as they are."""
    with transactions() as session:
        for notice in due:
            notices.record_result(
                session,
                notice.id,
                holder=holder,
                status=NoticeStatus.DUE,
                now=now,
                next_attempt_at=now + retries.NOTICES.first,
            )
