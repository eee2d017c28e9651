"""Judge an address by what is known of its messages: computed from stored events, so that rules can be replayed.

One event counts for each message, the worst. Whatever shows that somebody reads cancels what failed before. What is
permanent and proven suppresses at the first; everything else is summed with a half-life.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from statistics import median

from newsletter.domain import feedback_policy
from newsletter.domain.feedback_policy import COMPLAINTS, UNPROVEN_MAX, Action, Rule
from newsletter.domain.outcomes import OutcomeKind
from newsletter.domain.suppressions import EXPIRES_AFTER, PENDING_FOR, Pending, SuppressionReason

THRESHOLD = 3.0
HALF_LIFE = timedelta(days=60)
SILENCE = timedelta(
    days=5
)  # without a report so long, a message has arrived: servers give up by then (RFC 5321 §4.5.4.1)
_GAPS = (
    4  # half-lives of at least so many gaps between sends, so that failures of a monthly newsletter add up
)
_REFUSALS = (OutcomeKind.COMPLAINED, OutcomeKind.SUPPRESSED)  # the reader, or the provider, wants no more
_PROBED: Mapping[str, str] = {
    SuppressionReason.MAILBOX_FULL: "mailbox_full",
    SuppressionReason.INACTIVE: "inactive",
}
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)


@dataclass(frozen=True)
class Enough:
    """Say how many different sends must have failed, over how long a time."""

    sends: int
    span: timedelta


FAILURES = Enough(3, timedelta(days=14))
FULL_MAILBOX = Enough(5, timedelta(days=30))  # people are on holiday for three weeks
INACTIVE = Enough(2, _WEEK)
DEAD_DOMAIN = Enough(2, _DAY)  # a registrar's mistake is mended within a day


@dataclass(frozen=True, kw_only=True)
class Event:
    """Hold an outcome as the rules see it.

    ``mailing_id`` None: not known which send. ``mailed_at`` is when its message went out. ``is_permanent``: the server
    wants no other attempt, and blames the recipient. ``is_proven``: nobody else could have written it. ``is_shared``:
    at least half of the domain's readers failed the same way that day.
    """

    id: int
    at: datetime
    mailed_at: datetime
    mailing_id: int | None
    kind: OutcomeKind
    reason: str
    category: str
    is_permanent: bool = False
    is_proven: bool = True
    is_shared: bool = False
    text: str = ""

    @property
    def rule(self) -> Rule:
        """Return what is done about it."""
        return feedback_policy.rule_of(self.category, self.reason, self.text)

    @property
    def weight(self) -> float:
        """Return what it counts; trouble on the way is nobody's fault when many have it."""
        if self.is_shared and self.category == "transit":
            return 0.0
        return self.rule.weight if self.is_proven else min(self.rule.weight, UNPROVEN_MAX)

    @property
    def is_fatal(self) -> bool:
        """Say whether it suppresses by itself, once it is beyond doubt."""
        return self.rule.action is Action.SUPPRESS and (self.is_permanent or self.category == "inactive")


@dataclass(frozen=True)
class Ended:
    """Say why an address was suppressed for a time, and when that ended."""

    reason: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class History:
    """Hold what is known of one address.

    ``events`` are failures and complaints. ``seen_at`` are the instants at which its reader opened, clicked or replied,
    or a server delivered. ``read_at`` says of mailings when the reader first opened or clicked in them. ``arrived`` are
    the instants of messages that went out and about which nothing came back; ``mailed_at`` are those of all messages.
    ``ended`` is a suppression that ended by itself: the next message is a probe.
    """

    events: Sequence[Event] = ()
    seen_at: Sequence[datetime] = ()
    read_at: Mapping[int, datetime] = field(default_factory=dict)
    arrived: Sequence[datetime] = ()
    mailed_at: Sequence[datetime] = ()
    ended: Ended | None = None

    def until(self, instant: datetime) -> History:
        """Return what was known at an instant."""
        return History(
            events=[event for event in self.events if event.at <= instant],
            seen_at=[at for at in self.seen_at if at <= instant],
            read_at={mailing: at for mailing, at in self.read_at.items() if at <= instant},
            arrived=[at for at in self.arrived if at + SILENCE <= instant],
            mailed_at=[at for at in self.mailed_at if at <= instant],
            ended=self.ended,
        )


class Decision(StrEnum):
    """Say what follows for an address."""

    NOTHING = "nothing"
    LOOK_UP = "look_up"  # ask the DNS for its domain, and judge again
    HOLD = "hold"  # a pending suppression
    SUPPRESS = "suppress"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Hold what follows, why, and the outcomes that it rests on."""

    decision: Decision = Decision.NOTHING
    reason: SuppressionReason | None = None
    pending: Pending | None = None
    events: tuple[Event, ...] = ()
    score: float = 0.0


def judge(history: History, *, now: datetime, has_no_mail: bool | None = None) -> Verdict:
    """Return what follows from a history; ``has_no_mail`` is what the DNS says of the domain, None: not asked."""
    standing = _standing(history)
    score = _score(standing, history, now)
    found = Verdict()
    for rule in (_refused, _gone, _lost_domain, _inactive, _probed, _failing):
        verdict = rule(standing, history, score=score, has_no_mail=has_no_mail)
        if verdict.decision is Decision.SUPPRESS:
            return replace(verdict, score=score)
        if found.decision is Decision.NOTHING:
            found = verdict
    return replace(found, score=score)


def replay(history: History, *, now: datetime) -> Verdict:
    """Return what would stand by now: judged at each event, as if nothing later were known, nor asked of the DNS."""
    last = Verdict()
    for event in sorted(history.events, key=lambda event: (event.at, event.id)):
        verdict = judge(history.until(event.at), now=event.at)
        last = Verdict() if _has_ended(verdict, event.at, now) else verdict
        if last.decision is Decision.SUPPRESS:
            break
    return last


def _has_ended(verdict: Verdict, decided_at: datetime, now: datetime) -> bool:
    """Say whether a suppression of then would have ended by itself."""
    if verdict.reason is None:
        return False
    lifetime = PENDING_FOR if verdict.decision is Decision.HOLD else EXPIRES_AFTER.get(verdict.reason)
    return lifetime is not None and decided_at + lifetime <= now


def half_life(mailed_at: Sequence[datetime]) -> timedelta:
    """Return in what time a failure loses half its weight: more where mail is rare."""
    instants = sorted(mailed_at)
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(instants)]
    return max(HALF_LIFE, timedelta(seconds=_GAPS * median(gaps))) if gaps else HALF_LIFE


def _standing(history: History) -> list[Event]:
    """Return the events that count, oldest first: the worst of each message, and nothing that was cancelled.

    A complaint is a person's, and no later opening takes it back.
    """
    seen = max(history.seen_at, default=None)
    arrived = max(history.arrived, default=None)
    worst: dict[object, Event] = {}
    for event in sorted(history.events, key=lambda event: (event.at, event.id)):
        if _is_cancelled(event, seen=seen, arrived=arrived):
            continue
        key = ("event", event.id) if event.mailing_id is None else event.mailing_id
        known = worst.get(key)
        if known is None or _severity(event) > _severity(known):
            worst[key] = event
    return sorted(worst.values(), key=lambda event: (event.at, event.id))


def _is_cancelled(event: Event, *, seen: datetime | None, arrived: datetime | None) -> bool:
    if event.kind in _REFUSALS:
        return False
    return (seen is not None and event.at < seen) or (arrived is not None and event.mailed_at < arrived)


def _severity(event: Event) -> tuple[bool, bool, float]:
    return event.kind in _REFUSALS, event.is_fatal and event.is_proven, event.weight


def _refused(standing: Sequence[Event], _history: History, **_facts: object) -> Verdict:
    """The reader wants no mail, or the provider takes none for the address."""
    for event in standing:
        if event.kind is OutcomeKind.COMPLAINED and event.reason in COMPLAINTS and event.is_proven:
            return Verdict(decision=Decision.SUPPRESS, reason=SuppressionReason.COMPLAINT, events=(event,))
        if event.kind is OutcomeKind.SUPPRESSED and event.is_proven:
            return Verdict(decision=Decision.SUPPRESS, reason=SuppressionReason.PROVIDER, events=(event,))
    return Verdict()


def _gone(standing: Sequence[Event], history: History, **_facts: object) -> Verdict:
    """The mailbox does not exist: at the first word, or, when that is in doubt, at the second send's."""
    fatal = tuple(event for event in standing if event.is_fatal and event.kind not in _REFUSALS)
    if not fatal:
        return Verdict()
    certain = any(event.is_proven and event.mailing_id not in history.read_at for event in fatal)
    if certain or _is_enough(fatal, Enough(2, _DAY)):
        return Verdict(decision=Decision.SUPPRESS, reason=SuppressionReason.HARD_BOUNCE, events=fatal)
    return Verdict(
        decision=Decision.HOLD, reason=SuppressionReason.HARD_BOUNCE, pending=Pending.DOUBTFUL, events=fatal
    )


def _lost_domain(
    standing: Sequence[Event], _history: History, *, has_no_mail: bool | None, **_facts: object
) -> Verdict:
    """The domain does not exist or takes no mail: when two sends failed so, and the DNS agrees."""
    events = _of_category(standing, "invalid_domain")
    if not _is_enough(events, DEAD_DOMAIN) or has_no_mail is False:
        return Verdict()
    decision = Decision.SUPPRESS if has_no_mail else Decision.LOOK_UP
    return Verdict(decision=decision, reason=SuppressionReason.INVALID_DOMAIN, events=events)


def _inactive(standing: Sequence[Event], _history: History, **_facts: object) -> Verdict:
    """The mailbox is disabled: at the second send, a week after the first."""
    events = _of_category(standing, "inactive")
    if not _is_enough(events, INACTIVE) or not _has_proof(events):
        return Verdict()
    return Verdict(decision=Decision.SUPPRESS, reason=SuppressionReason.INACTIVE, events=events)


def _probed(standing: Sequence[Event], history: History, **_facts: object) -> Verdict:
    """The first message after a suppression that ended failed as those before it."""
    ended = history.ended
    if ended is None or ended.reason not in _PROBED:
        return Verdict()
    if any(at > ended.at for at in (*history.seen_at, *history.arrived)):
        return Verdict()
    events = _of_category([event for event in standing if event.at > ended.at], _PROBED[ended.reason])
    if not events or not _has_proof(events):
        return Verdict()
    return Verdict(decision=Decision.SUPPRESS, reason=SuppressionReason(ended.reason), events=events)


def _failing(standing: Sequence[Event], _history: History, *, score: float, **_facts: object) -> Verdict:
    """Failures add up."""
    events = tuple(event for event in standing if event.weight and event.kind not in _REFUSALS)
    full = sum(event.weight for event in events if event.category == "mailbox_full")
    is_full = 2 * full > sum(event.weight for event in events)
    enough = FULL_MAILBOX if is_full else FAILURES
    if score < THRESHOLD or not _is_enough(events, enough) or not _has_proof(events):
        return Verdict()
    reason = SuppressionReason.MAILBOX_FULL if is_full else SuppressionReason.SOFT_BOUNCES
    return Verdict(decision=Decision.SUPPRESS, reason=reason, events=events)


def _score(standing: Sequence[Event], history: History, now: datetime) -> float:
    life = half_life(history.mailed_at)
    ages = ((event.weight, (now - event.at) / life) for event in standing if event.kind not in _REFUSALS)
    return math.fsum(weight * 0.5**age for weight, age in ages)


def _of_category(events: Sequence[Event], category: str) -> tuple[Event, ...]:
    return tuple(event for event in events if event.category == category)


def _is_enough(events: Sequence[Event], enough: Enough) -> bool:
    """Say whether so many different sends failed over so long a time; what names no send is none."""
    sends = {event.mailing_id for event in events if event.mailing_id is not None}
    return len(sends) >= enough.sends and events[-1].at - events[0].at >= enough.span


def _has_proof(events: Sequence[Event]) -> bool:
    return any(event.is_proven for event in events)
