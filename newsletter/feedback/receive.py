"""Decide at the door which mail is taken: what bears a token of ours, and what goes to the people of the domain.

The keys are in memory, so that a forged address costs neither us nor the database anything.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection

from newsletter.broker.limiter import Limit, Limiter
from newsletter.domain import networks
from newsletter.domain.arrivals import MailWay
from newsletter.domain.return_paths import ReturnPaths
from newsletter.feedback.take import take
from newsletter.inbound.dialogue import Standing
from newsletter.inbound.mail import Mail
from newsletter.runtime.clock import Clock
from newsletter.store import Transactions, keys

_LOOK_AGAIN_AFTER = 1.0  # seconds: how often those who guess make us ask the database
_RING_AGAIN_AFTER = 1.0  # seconds: a worker that is awake reads what comes meanwhile
# A large provider's server, the day after a mailing to a million readers.
_OF_A_CLIENT = Limit("mail-of-a-client", per_minute=1_000, per_hour=20_000)
# A message comes back once or twice; whoever has one of our addresses shall not fill the disk.
_TO_AN_ADDRESS = Limit("mail-to-an-address", per_minute=20, per_hour=60)


class Door:
    """Know our addresses, and keep what comes to them; safe to use from threads."""

    def __init__(
        self,
        transactions: Transactions,
        reading: Transactions,
        *,
        inbound_domain: str,
        message_domain: str,
        roles: Collection[str],
        ring: Callable[[], object],
        clock: Clock,
    ) -> None:
        """Read the keys; raise Conflict when there are none.

        ``roles`` are local parts of people, as postmaster; ``ring`` wakes a worker.
        """
        self._transactions = transactions
        self._reading = reading
        self._inbound_domain = inbound_domain
        self._message_domain = message_domain
        self._roles = frozenset(role.lower() for role in roles)
        self._ring = ring
        self._clock = clock
        self._limiter = Limiter(clock=clock)  # of this process: it never waits
        self._lock = threading.Lock()
        self._paths = self._read_keys()
        self._looked_at = clock.monotonic()
        self._rang_at = self._looked_at - _RING_AGAIN_AFTER

    def standing(self, recipient: str) -> Standing:
        """Say whether we gave this address away."""
        local, at, domain = recipient.rpartition("@")
        if not at and recipient.lower() == "postmaster":  # RFC 5321 §4.5.1: with or without a domain
            return self._of_role(recipient)
        if not self._inbound_domain or domain.lower().rstrip(".") != self._inbound_domain:
            return Standing.ELSEWHERE
        if self._paths.of_recipient(recipient, now=self._clock.now()) is not None:
            return Standing.OURS
        return self._of_role(local)

    def may_bring(self, client: str) -> bool:
        """Count one more mail of a client, and say whether that is not too many."""
        return self._limiter.allows(_OF_A_CLIENT, networks.limit_key(client))

    def has_room(self, recipient: str) -> bool:
        """Count one more mail to an address, and say whether that is not too many."""
        return self._limiter.allows(_TO_AN_ADDRESS, recipient.lower())

    def refresh(self) -> None:
        """Read the keys again, unless that was done just now."""
        with self._lock:
            if self._clock.monotonic() - self._looked_at < _LOOK_AGAIN_AFTER:
                return
            self._looked_at = self._clock.monotonic()
        self._paths = self._read_keys()

    def keep(self, way: MailWay, mail: Mail) -> None:
        """Put a mail into the queue, and ring for its reading."""
        with self._transactions() as session:
            take(session, [mail], way=way, now=self._clock.now())
        if self._may_ring():
            self._ring()

    def _may_ring(self) -> bool:
        with self._lock:
            is_due = self._clock.monotonic() - self._rang_at >= _RING_AGAIN_AFTER
            if is_due:
                self._rang_at = self._clock.monotonic()
            return is_due

    def _of_role(self, local: str) -> Standing:
        return Standing.OURS if local.lower() in self._roles else Standing.UNKNOWN

    def _read_keys(self) -> ReturnPaths:
        with self._reading() as session:
            return keys.return_paths(
                session, inbound_domain=self._inbound_domain, message_domain=self._message_domain
            )
