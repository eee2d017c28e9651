"""Sign the links that mails to readers carry."""

from __future__ import annotations

from datetime import datetime

from newsletter.domain.tokens import LinkPurpose, LinkToken, sign_link
from newsletter.store import Session, keys
from newsletter.store.tables import KeyPurpose


def link(
    session: Session,
    purpose: LinkPurpose,
    *,
    subscriber_id: int,
    object_id: int,
    issued_at: datetime,
    mailing_id: int = 0,
) -> str:
    """Return a token as a mail would carry it."""
    token = LinkToken(
        purpose=purpose,
        subscriber_id=subscriber_id,
        object_id=object_id,
        mailing_id=mailing_id,
        issued_at=issued_at,
    )
    return sign_link(token, keys.ring(session, KeyPurpose.LINKS))
