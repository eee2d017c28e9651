"""Hand messages over one at a time to the first of several relays that works."""

from __future__ import annotations

from collections.abc import Sequence

from newsletter.domain.errors import TransportUnavailable
from newsletter.domain.outcomes import SmtpReply
from newsletter.transports.base import Envelope, Transport


class Several:
    """Try transports in their order; a message that one of them has dealt with goes to no other."""

    def __init__(self, transports: Sequence[Transport]) -> None:
        """Take at least one."""
        self._transports = transports

    def submit(self, envelope: Envelope, message: bytes) -> SmtpReply:
        """Hand over one message; raise TransportUnavailable when none of them takes any."""
        for transport in self._transports[:-1]:
            try:
                return transport.submit(envelope, message)
            except TransportUnavailable:
                continue
        return self._transports[-1].submit(envelope, message)

    def close(self) -> None:
        """Say goodbye to all."""
        for transport in self._transports:
            transport.close()
