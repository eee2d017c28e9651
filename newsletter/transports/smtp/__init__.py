"""Hand messages to relays over SMTP: many at a time with an engine, or one at a time."""

from newsletter.transports.smtp.engine import Engine
from newsletter.transports.smtp.relay import Relay, Timeouts
from newsletter.transports.smtp.transport import SmtpTransport

__all__ = ["Engine", "Relay", "SmtpTransport", "Timeouts"]
