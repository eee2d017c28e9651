"""Deal messages out to several relays: by weight, and to those that work."""

from __future__ import annotations

from collections.abc import Sequence

from newsletter.domain.errors import InvalidInput
from newsletter.transports.base import Source, Submission
from newsletter.transports.smtp.loop import Loop
from newsletter.transports.smtp.member import Member
from newsletter.transports.smtp.relay import Relay
from newsletter.transports.smtp.shares import Shares


class Pool:
    """Ask the source on behalf of the relay whose turn it is.

    The shares are strict: a relay waits for another that is slower. One that is barred, has been silent for its
    patience, or for which the source has nothing, loses its turn.
    """

    def __init__(self, relays: Sequence[Relay], *, source: Source, loop: Loop) -> None:
        names = [relay.name for relay in relays]
        if not names or len(set(names)) != len(names):
            raise InvalidInput("An engine needs relays, each with a name of its own.", reason="bad_relays")
        self._source = source
        self._members = {relay.name: Member(relay, source=source, loop=loop, dealer=self) for relay in relays}
        self._sole = next(iter(self._members.values())) if len(self._members) == 1 else None
        self._shares = Shares({relay.name: relay.weight for relay in relays})
        self.is_stopped = False

    @property
    def members(self) -> Sequence[Member]:
        """Return all relays."""
        return list(self._members.values())

    def deal(self, asking: Member) -> Submission | None:
        """Return a message for a free connection of a relay."""
        if not asking.is_open:
            return None
        if self._sole is not None:
            return self._source.next(asking.relay)
        return self._deal(asking)

    def has_alternative(self, to: Member) -> bool:
        """Say whether another relay works."""
        return any(one.is_open and one.is_established for one in self._members.values() if one is not to)

    def fill(self) -> None:
        """Put messages on idle connections and open new ones, while there is room and something to send."""
        for member in self._members.values():
            member.retry()
        if self.is_stopped:
            return
        if self._sole is None:
            self._deal(None)
            return
        while self._sole.has_room and (submission := self._source.next(self._sole.relay)) is not None:
            self._sole.place(submission)

    def _deal(self, asking: Member | None) -> Submission | None:
        """Give each its turn, until it is the turn of who asks, or of one that is busy."""
        passed: set[str] = set()
        while names := [
            name for name, member in self._members.items() if name not in passed and _can_take(member)
        ]:
            name = self._shares.due(names)
            member = self._members[name]
            if member is not asking and not member.has_room:
                if not member.is_stalled:
                    return None
                passed.add(name)
                continue
            submission = self._source.next(member.relay)
            if submission is None:
                passed.add(name)
                continue
            self._shares.served(name, names)
            if member is asking:
                return submission
            member.place(submission)
        return None


def _can_take(member: Member) -> bool:
    return member.is_open or member.has_room
