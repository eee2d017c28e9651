"""Name the providers: the only module that knows them all."""

from __future__ import annotations

from collections.abc import Mapping

from newsletter.domain.relays import RelayKind
from newsletter.providers.base import EventFeed, Fetch
from newsletter.providers.brevo.events import Brevo
from newsletter.providers.mailgun.events import Mailgun
from newsletter.providers.mailjet.events import Mailjet
from newsletter.providers.postmark.events import Postmark
from newsletter.providers.resend.events import Resend
from newsletter.providers.sendgrid.events import SendGrid
from newsletter.providers.ses.events import Ses
from newsletter.providers.sparkpost.events import SparkPost


def feeds(fetch: Fetch) -> Mapping[str, EventFeed]:
    """Return what understands each provider's events; ``fetch`` asks Amazon for its certificates."""
    return {
        RelayKind.SES: Ses(fetch),
        RelayKind.SENDGRID: SendGrid(),
        RelayKind.MAILGUN: Mailgun(),
        RelayKind.POSTMARK: Postmark(),
        RelayKind.SPARKPOST: SparkPost(),
        RelayKind.BREVO: Brevo(),
        RelayKind.MAILJET: Mailjet(),
        RelayKind.RESEND: Resend(),
    }
