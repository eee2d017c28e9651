"""Name the kinds of relays."""

from __future__ import annotations

from enum import StrEnum


class RelayKind(StrEnum):
    """Say whose service a relay is: it decides which header carries the identity of a message."""

    SMTP = "smtp"
    SES = "ses"
    SENDGRID = "sendgrid"
    MAILGUN = "mailgun"
    POSTMARK = "postmark"
    SPARKPOST = "sparkpost"
    BREVO = "brevo"
    MAILJET = "mailjet"
    RESEND = "resend"
