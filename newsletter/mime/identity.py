"""Tell providers which message is which: the header field that each gives back with its events.

They stand outside what DKIM signs: providers read them, and some take them out.

| kind | page, looked up on 2026-11-25 in a copy whose age is not known | what it says |
|---|---|---|
| ses | docs.aws.amazon.com/ses, "Specify your configuration set when you send email" | tags in fields of SES's own |
| sendgrid | twilio.com/docs/sendgrid, "Unique Arguments" | unique_args in X-SMTPAPI, strings only |
| mailgun | documentation.mailgun.com, "Attaching Metadata to Messages" | X-Mailgun-Variables; readers can see it |
| sparkpost | developers.sparkpost.com/api/smtp | X-MSYS-API |
| mailjet | dev.mailjet.com/docs/smtp_relay/custom_headers | X-MJ-CustomID |

Not seen on a page of the provider, and to be tried with an account first: the exact form of X-SES-MESSAGE-TAGS, the
"metadata" in X-MSYS-API, Postmark's X-PM-Metadata-, Brevo's X-Mailin-custom. Resend's SMTP offers a key against sending
twice, which no event gives back: it gets none.
"""

from __future__ import annotations

from collections.abc import Iterable

from newsletter.domain.relays import RelayKind

_FIELDS: dict[RelayKind, bytes] = {
    RelayKind.SES: b"X-SES-MESSAGE-TAGS: delivery=%b\r\n",
    RelayKind.SENDGRID: b'X-SMTPAPI: {"unique_args":{"delivery":"%b"}}\r\n',
    RelayKind.MAILGUN: b'X-Mailgun-Variables: {"delivery": "%b"}\r\n',
    RelayKind.POSTMARK: b"X-PM-Metadata-delivery: %b\r\n",
    RelayKind.SPARKPOST: b'X-MSYS-API: {"metadata":{"delivery":"%b"}}\r\n',
    RelayKind.BREVO: b"X-Mailin-custom: %b\r\n",
    RelayKind.MAILJET: b"X-MJ-CustomID: %b\r\n",
}
KINDS = frozenset(_FIELDS)  # the others have none


def fields(kinds: Iterable[RelayKind], slot: int) -> list[bytes | int]:
    """Return the fields for all relays that a message may go to, with a slot where the delivery is named."""
    out: list[bytes | int] = []
    for kind in sorted(KINDS.intersection(kinds)):
        before, _, after = _FIELDS[kind].partition(b"%b")
        out += [before, slot, after]
    return out


def delivery(mailing_id: int, subscriber_id: int) -> bytes:
    """Name a message in letters that every provider takes: SES allows letters, digits, "-" and "_" only."""
    return b"%d-%d" % (mailing_id, subscriber_id)
