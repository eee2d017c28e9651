"""Put mail that came in into the queue; reading it is another's work."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from newsletter.domain.arrivals import MailWay
from newsletter.inbound.mail import Mail
from newsletter.store import Session, arrivals


def take(session: Session, mails: Iterable[Mail], *, way: MailWay, now: datetime) -> int:
    """Keep mails, each once for each of its recipients; return how many arrivals are new."""
    return sum(
        arrivals.keep(
            session,
            way=way,
            raw=mail.raw,
            now=now,
            recipient=recipient,
            sender=mail.sender,
            peer=mail.peer,
            size_bytes=mail.size_bytes,
        )
        for mail in mails
        for recipient in mail.recipients or (None,)
    )
