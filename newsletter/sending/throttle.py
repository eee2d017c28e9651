"""Say how fast messages may go: to each relay, to each destination, and of each sender.

The desk asks before each message and tells how each one ended; four times a second it lets the throttle look around:
take tokens, hear what other workers learned, write down what this one did. Nothing here ever stops the sending of what
nobody has complained about: without Redis each worker takes its part of a rate, and without the database what is known
stays as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from newsletter.broker.rates import Rates
from newsletter.domain import throttling
from newsletter.domain.mailings import Lane
from newsletter.domain.outcomes import SmtpReply
from newsletter.domain.throttling import Scope, Throttling
from newsletter.runtime import logs
from newsletter.runtime.clock import Clock
from newsletter.runtime.settings import Settings
from newsletter.sending.ceilings import Ceilings
from newsletter.sending.gates import Gate, Key, RelayGates
from newsletter.sending.tally import Tally
from newsletter.store import OperationalError, Session, Transactions, destinations, domains
from newsletter.store.destinations import EVERY_RELAY, THE_RELAY
from newsletter.store.tables import Destination

_RELOAD_EVERY = timedelta(seconds=2)  # for what other workers learned
_REGROUP_EVERY = timedelta(minutes=1)  # for domains that are new to a group
_MINUTE = 60
_log = logs.get(__name__)


class Limited(Protocol):
    """Know a relay by its name, and how many messages a second it takes."""

    @property
    def name(self) -> str:
        """Return the name."""

    @property
    def rate(self) -> float | None:
        """Return the rate; None: as many as like."""


@dataclass(frozen=True)
class _Heard:
    """Hold a refusal until it is written down."""

    reply: SmtpReply
    at: datetime


class Throttle:
    """Pace one process; for the thread that sends."""

    def __init__(
        self,
        *,
        transactions: Transactions,
        rates: Rates,
        relays: Sequence[Limited],
        settings: Settings,
        clock: Clock,
        holder: str,
    ) -> None:
        """Take the parts; what is known of destinations is read at the first tick."""
        self._transactions = transactions
        self._rates = rates
        self._relays = {relay.name: relay.rate for relay in relays}
        self._clock = clock
        self._holder = holder
        self._processes = settings.sender_processes
        self._ceilings = Ceilings(transactions, processes=settings.sender_processes)
        self._gates: dict[Key, Gate] = {}
        self._members: dict[str, tuple[datetime, frozenset[int | None]]] = {}
        self._groups: dict[int, str] = {}
        self._grouped_at = clock.now()
        self._heard: dict[tuple[str, int | None, int, str | None], _Heard] = {}
        self._loaded_at: datetime | None = None
        self._asked_at = clock.monotonic()
        self._is_database_away = False
        self._tally = Tally(now=clock.now())
        self._accepted = self._tally.current
        self._limits: dict[str, RelayGates] = {}
        self._may_hold = False  # a relay without limits takes everybody
        self._build((), now=clock.now())

    # What the desk asks before a message.

    def take(self, relay_name: str, domain_id: int | None, lane: Lane) -> bool:
        """Say whether a message may go now; a token is spent then. What is not limited costs one look."""
        limits = self._limits.get(relay_name)
        return limits is None or limits.take(domain_id, lane)

    def is_held(self, domain_id: int | None, lane: Lane = Lane.BULK) -> bool:
        """Say whether a reader of a domain is better left for later, whichever relay takes the message.

        Whoever is not left is counted as one who will want a token, so ask once for each reader.
        """
        if not self._may_hold:
            return False
        for limits in self._limits.values():
            gates = limits.of(domain_id)
            if all(gate.has_room(lane) for gate in gates):
                for gate in gates:
                    gate.let_in()
                return False
        return True

    def hold_until(self, domain_ids: Collection[int | None]) -> datetime | None:
        """Return when the first of some destinations may be tried again; None: now."""
        now = self._clock.now()
        until = min((self._opens_at(domain_id, now) for domain_id in domain_ids), default=now)
        return until if until > now else None

    def sender_room(self, from_address: str, now: datetime) -> int | None:
        """Return how many messages of a sender may be decided on until midnight UTC; None: any number.

        Ask with no transaction open: it may count.
        """
        return self._ceilings.room(from_address, now)

    def sender_took(self, from_address: str, message_count: int) -> None:
        """Hear how many messages of a sender were decided on, so that ``sender_room`` need not count at once."""
        self._ceilings.took(from_address, message_count)

    def sender_opens_at(self, from_address: str, now: datetime) -> datetime:
        """Return when a sender without room should be looked at again."""
        return self._ceilings.opens_at(from_address, now)

    # What the desk tells after a message.

    def accepted(self, relay_name: str, domain_id: int | None) -> None:
        """Hear of a plain 2xx."""
        self._accepted[relay_name][domain_id] += 1

    def heard(
        self, relay_name: str, domain_id: int | None, reply: SmtpReply | None, *, now: datetime
    ) -> None:
        """Hear any other answer; what it means for others is written down at the next tick."""
        if reply is None or reply.code < 400:
            return
        key = (relay_name, domain_id, reply.code, reply.enhanced)
        if key in self._heard:
            return
        self._heard[key] = _Heard(reply, now)
        if domain_id is None:
            return
        said = throttling.read(reply, self._groups.get(domain_id))
        if said.stops_at_once:
            self._stop_at_once(relay_name, domain_id, said)

    # Four times a second.

    def tick(self, now: datetime) -> None:
        """Learn, reload, take tokens; never raise because the database or Redis is away."""
        try:
            learned = self._learn(now)
            if learned or self._loaded_at is None or now - self._loaded_at >= _RELOAD_EVERY:
                self._reload(now)
            self._is_database_away = False
        except OperationalError as error:
            if not self._is_database_away:
                self._is_database_away = True
                _log.warning("throttle_without_database", holder=self._holder, error=str(error.orig))
        for gate in self._gates.values():
            gate.tick(now)
        self._fetch()

    def _learn(self, now: datetime) -> bool:
        """Write down what was heard, in one short transaction; say whether something changed."""
        if not self._heard:
            return False
        self._count(now)  # what was accepted before a hit is not clean
        heard = dict(self._heard)
        with self._transactions() as session:
            self._find_groups(session, {each for _, each, *_ in heard if each is not None}, now)
            said = self._slowing(heard)
            noted = [key for key in said if self._note(session, key, *said[key], now=now)]
            if any(said[key][0].scope is Scope.GROUP for key in noted):
                self._ceilings.throttled(session, now=now)
        for each in heard:
            del self._heard[each]
        for key in noted:
            if key in self._gates:
                self._gates[key].accepted = 0  # no minute with a hit is clean
            _tell(key, *said[key])
        return bool(said)

    def _slowing(
        self, heard: dict[tuple[str, int | None, int, str | None], _Heard]
    ) -> dict[Key, tuple[Throttling, SmtpReply]]:
        """Return what was said of our pace, by whom it is about; the first reply about each is as good as all."""
        found: dict[Key, tuple[Throttling, SmtpReply]] = {}
        for (relay, domain_id, *_), each in heard.items():
            group = self._groups.get(domain_id) if domain_id is not None else None
            said = throttling.read(each.reply, group)
            if said.scope is Scope.RELAY and said.halves:
                key = (relay, THE_RELAY)
            elif said.slows and group is not None:
                key = (EVERY_RELAY if said.everywhere else relay, group)
            else:
                if said.alert:
                    _log.error("refusal_must_not_be", relay=relay, group=group, reply=said.fault)
                continue
            found.setdefault(key, (said, each.reply))
        return found

    def _note(self, session: Session, key: Key, said: Throttling, reply: SmtpReply, *, now: datetime) -> bool:
        relay, group = key
        members = None if group == THE_RELAY else self._members_of(session, group, now)
        observed = self._tally.per_minute(relay, members, now=now) * self._processes
        return destinations.hit(session, relay, group, said, reply, observed=observed, now=now)

    def _reload(self, now: datetime) -> None:
        self._count(now)
        with self._transactions() as session:
            rows = destinations.limiting(session, now=now)
            for row in rows:
                gate = self._gates.get((row.relay, row.mx_group))
                is_due = row.grows_at is not None and now >= row.grows_at
                if gate is not None and gate.accepted and is_due:
                    destinations.grow(session, row.relay, row.mx_group, now=now)
                    gate.accepted = 0
            for row in rows:
                if row.mx_group != THE_RELAY:
                    self._members_of(session, row.mx_group, now)
        self._loaded_at = now
        self._build(rows, now=now)

    def _count(self, now: datetime) -> None:
        """Begin a new slot of the last minute; tell the gates what went through them."""
        ended = self._tally.turn(now)
        self._accepted = self._tally.current
        for relay, limits in self._limits.items():
            for domain_id, count in ended.get(relay, {}).items():
                limits.count(domain_id, count)

    def _build(self, rows: Iterable[Destination], *, now: datetime) -> None:
        """Put gates before what is limited, and nothing before the rest."""
        known = {(row.relay, row.mx_group): row for row in rows}
        kept: dict[Key, Gate] = {}
        limits: dict[str, RelayGates] = {}
        for relay, rate in self._relays.items():
            row = known.get((relay, THE_RELAY))
            own = (
                None if row is None and rate is None else self._gate((relay, THE_RELAY), row, rate, now, kept)
            )
            gates = RelayGates(own)
            of_relay = [key for key in known if key[0] in {EVERY_RELAY, relay} and key[1] != THE_RELAY]
            for key in of_relay:
                gates.add(self._gate(key, known[key], None, now, kept), self._members[key[1]][1])
            if own is not None or of_relay:
                limits[relay] = gates
        self._gates, self._limits = kept, limits
        self._may_hold = len(limits) == len(self._relays)

    def _gate(
        self, key: Key, row: Destination | None, rate: float | None, now: datetime, kept: dict[Key, Gate]
    ) -> Gate:
        gate = kept[key] = kept.get(key) or self._gates.get(key) or Gate(key)
        of_row = () if row is None else (row.rate, row.limit_rate)
        known = [each / _MINUTE for each in of_row if each is not None] + ([] if rate is None else [rate])
        until = None if row is None else row.suspended_until
        gate.set(rate=min(known, default=None), until=until, now=now)
        return gate

    def _fetch(self) -> None:
        """Take the tokens of the next quarter of a second, of all rates at once."""
        moment = self._clock.monotonic()
        elapsed, self._asked_at = moment - self._asked_at, moment
        asking = [(gate, ask) for gate in self._gates.values() if (ask := gate.ask(elapsed)) is not None]
        lots = self._rates.lots([ask for _, ask in asking])
        for (gate, _), lot in zip(asking, lots, strict=True):
            gate.add(lot)

    def _find_groups(self, session: Session, domain_ids: set[int], now: datetime) -> None:
        if now - self._grouped_at >= _REGROUP_EVERY:
            self._grouped_at = now
            self._groups.clear()
        self._groups |= domains.groups_of(session, domain_ids - self._groups.keys())

    def _members_of(self, session: Session, group: str, now: datetime) -> frozenset[int | None]:
        found = self._members.get(group)
        if found is None or now - found[0] >= _REGROUP_EVERY:
            found = self._members[group] = (now, frozenset(domains.of_group(session, group)))
        return found[1]

    def _stop_at_once(self, relay_name: str, domain_id: int, said: Throttling) -> None:
        """Let nothing more through to a domain until the next tick, when its whole group is known."""
        stopped = Gate((relay_name, ""))
        stopped.is_suspended = True
        for name in self._relays if said.everywhere else (relay_name,):
            self._limits.setdefault(name, RelayGates()).add(stopped, [domain_id])
        self._may_hold = len(self._limits) == len(self._relays)

    def _opens_at(self, domain_id: int | None, now: datetime) -> datetime:
        if not self._may_hold:
            return now
        return min(
            max((gate.opens_at(now) for gate in limits.of(domain_id)), default=now)
            for limits in self._limits.values()
        )


def _tell(key: Key, said: Throttling, reply: SmtpReply) -> None:
    """Tell the operator: loudly when somebody must mend something."""
    relay, group = key
    told = throttling.told(reply)
    if said.alert:
        hint = "newsletter destinations list"
        _log.error("destination_stopped", relay=relay, group=group, reason=said.reason, reply=told, hint=hint)
    else:
        _log.warning("destination_throttles", relay=relay, group=group, reason=said.reason, reply=told)
