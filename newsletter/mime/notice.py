"""Write a mail that is no digest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from newsletter.mime import compile as compiled
from newsletter.mime import headers, quoted_printable

_PLAIN = (
    b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
)


@dataclass(frozen=True, kw_only=True)
class NoticeMail:
    """Hold what a notice's bytes are made from; ``message_id`` without its brackets.

    ``html`` "": plain text is enough. ``answers`` is the Message-ID, in its brackets, of the mail that it answers.
    """

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
    answers: str | None = None


def notice_message(mail: NoticeMail) -> bytes:
    """Return the bytes of a notice: the same for the same mail.

    It is an automatic answer to a signup or to a mail (RFC 3834 §5), not bulk: it has no List-Unsubscribe.
    """
    return b"".join(
        (
            headers.mailbox("From", mail.from_name, mail.from_address),
            headers.mailbox("To", mail.to_name, mail.to_address),
            headers.text("Subject", mail.subject),
            headers.date(mail.at),
            headers.token("Message-ID", f"<{mail.message_id}>"),
            headers.mailbox("Reply-To", "", mail.reply_to) if mail.reply_to else b"",
            *_threading(mail.answers),
            headers.token("X-Auto-Response-Suppress", "OOF, AutoReply"),
            _body(mail),
        )
    )


def _threading(answers: str | None) -> tuple[bytes, ...]:
    if answers is None:
        return (headers.token("Auto-Submitted", "auto-generated"),)
    return (
        headers.token("In-Reply-To", answers),
        headers.token("References", answers),
        headers.token("Auto-Submitted", "auto-replied"),
    )


def _body(mail: NoticeMail) -> bytes:
    if not mail.html:
        return _PLAIN + quoted_printable.block(mail.text)
    boundary = f"=_{blake2b(mail.message_id.encode(), digest_size=8).hexdigest()}"
    return compiled.whole(mail.text, mail.html, boundary=boundary)
