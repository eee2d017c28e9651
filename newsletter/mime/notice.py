"""Write a mail that is no digest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from newsletter.mime import compile as compiled
from newsletter.mime import headers


@dataclass(frozen=True, kw_only=True)
class NoticeMail:
    """Hold what a notice's bytes are made from; ``message_id`` without its brackets."""

    from_name: str
    from_address: str
    reply_to: str | None
    to_name: str
    to_address: str
    subject: str
    html: str
    text: str
    at: datetime
    message_id: str


def notice_message(mail: NoticeMail) -> bytes:
    """Return the bytes of a notice: the same for the same mail.

    It is an automatic answer to a signup (RFC 3834 §5), not bulk: it has no List-Unsubscribe.
    """
    boundary = f"=_{blake2b(mail.message_id.encode(), digest_size=8).hexdigest()}"
    return b"".join(
        (
            headers.mailbox("From", mail.from_name, mail.from_address),
            headers.mailbox("To", mail.to_name, mail.to_address),
            headers.text("Subject", mail.subject),
            headers.date(mail.at),
            headers.token("Message-ID", f"<{mail.message_id}>"),
            headers.mailbox("Reply-To", "", mail.reply_to) if mail.reply_to else b"",
            headers.token("Auto-Submitted", "auto-generated"),
            headers.token("X-Auto-Response-Suppress", "OOF, AutoReply"),
            compiled.whole(mail.text, mail.html, boundary=boundary),
        )
    )
