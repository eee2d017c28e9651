"""Say what became of an attempt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from newsletter.domain.errors import (
    InvalidInput,
    PermanentSendError,
    SendError,
    TransientSendError,
    TransportUnavailable,
)
from newsletter.domain.mailings import MessageStatus, PlannedMessage, WithheldReason
from newsletter.domain.outcomes import SmtpReply
from newsletter.runtime.clock import Clock
from newsletter.sending.compose import Composer
from newsletter.transports.base import Transport

NO_CODE = 0  # in the code of a message row: no relay has answered


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Hold what the bytes of a message derive from: its first window."""

    window_id: int
    planned_at: datetime
    key_ids: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Result:
    """Hold the end of one attempt; ``code`` is the SMTP code, a WithheldReason, or 0 when nobody answered."""

    planned: PlannedMessage
    origin: Origin
    status: MessageStatus
    code: int
    at: datetime
    reply: SmtpReply | None = None


def in_doubt(planned: PlannedMessage, origin: Origin, *, at: datetime) -> Result:
    """Return the end of an attempt of which nobody knows the end."""
    return Result(planned=planned, origin=origin, status=MessageStatus.UNCERTAIN, code=NO_CODE, at=at)


def attempt(
    transport: Transport,
    composer: Composer,
    planned: PlannedMessage,
    origin: Origin,
    *,
    mailing_id: int,
    clock: Clock,
) -> Result:
    """Compose and submit one message; raise TransportUnavailable when nothing was handed over."""

    def ended(status: MessageStatus, code: int, reply: SmtpReply | None = None) -> Result:
        return Result(planned=planned, origin=origin, status=status, code=code, at=clock.now(), reply=reply)

    try:
        envelope, message = composer.message(
            planned=planned, mailing_id=mailing_id, planned_at=origin.planned_at, key_ids=origin.key_ids
        )
        reply = transport.submit(envelope, message)
    except TransportUnavailable:
        raise
    except TransientSendError as error:
        return ended(MessageStatus.DEFERRED, error.reply.code, error.reply)
    except PermanentSendError as error:
        return ended(MessageStatus.FAILED, error.reply.code, error.reply)
    except SendError:
        return in_doubt(planned, origin, at=clock.now())
    except InvalidInput:
        return ended(MessageStatus.WITHHELD, WithheldReason.ADDRESS_UNUSABLE)
    return ended(MessageStatus.SUBMITTED, reply.code, reply)
