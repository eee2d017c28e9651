"""Read what a refusal says about our pace: who should get less of our mail, for how long, and who must be told.

The table is that of the providers' postmaster pages: Gmail's SMTP codes (support.google.com/a/answer/3726730), Yahoo's
(senders.yahooinc.com/smtp-error-codes), Outlook.com's policies and troubleshooting pages, Apple's 102322, all read in
2026; the pauses are theirs, or KumoMTA's shaping defaults where a page names none. Scope matters more than the code:
the first rule that fits decides, so that a provider's own words go before the general ones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from functools import cached_property

from newsletter.domain.destinations import GOOGLE, OUTLOOK, YAHOO
from newsletter.domain.outcomes import SmtpReply

_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
_LONGEST_WAIT = timedelta(
    hours=6
)  # a server that asks for more is not waited for: the issue is stale by then


class Scope(StrEnum):
    """Say what a refusal is about."""

    RECIPIENT = "recipient"  # this reader, from us, now: greylisting and everything soft that says no more
    MAILBOX = "mailbox"  # this reader, whoever writes
    ADDRESS = "address"  # there is no such reader
    DOMAIN = "domain"  # no server answers for the reader's domain
    MESSAGE = "message"  # what we wrote, or a policy about it: never the reader's fault
    TRANSACTION = "transaction"  # something we never do
    CONNECTION = "connection"  # how much one connection carries
    GROUP = "group"  # the destination wants less of us
    CONFIGURATION = "configuration"  # our DNS, keys or TLS: the operator must mend it
    RELAY = "relay"  # the relay itself wants less of us


@dataclass(frozen=True, kw_only=True)
class Throttling:
    """Say what follows from a refusal; ``reason`` is a stable word.

    The scope is suspended for ``pause`` at the ``hits_needed``th such reply within an hour; where ``pause_most`` is
    longer, the pause doubles up to it with each further one. It resumes at ``resume_rate`` messages a minute, which
    stays so for ``steady``. ``halves``: its rate is halved at once. ``everywhere``: over all relays, because the
    receiver means us and not an address of ours. ``retry_after``: how long this message waits, at most
    ``retries_most`` times (0: as often as its lifetime allows). ``alert``: the operator must know; ``fault`` says what.
    """

    scope: Scope
    reason: str
    pause: timedelta | None = None
    pause_most: timedelta = timedelta()
    hits_needed: int = 1
    resume_rate: float | None = None
    steady: timedelta = timedelta()
    halves: bool = False
    alert: bool = False
    everywhere: bool = False
    retry_after: timedelta | None = None
    retry_spread: timedelta = timedelta()
    retries_most: int = 0
    fault: str | None = None

    @property
    def slows(self) -> bool:
        """Say whether a destination or the relay wants less of us."""
        return self.scope in {Scope.GROUP, Scope.CONFIGURATION, Scope.RELAY}

    @property
    def stops_at_once(self) -> bool:
        """Say whether the first such reply suspends a destination."""
        return (
            self.slows and self.scope is not Scope.RELAY and self.pause is not None and self.hits_needed == 1
        )

    def pause_after(self, hits: int) -> timedelta | None:
        """Return how long to suspend after so many hits within an hour; None: not yet."""
        if self.pause is None or hits < self.hits_needed:
            return None
        doubled = self.pause * (1 << min(hits - self.hits_needed, 16))
        return max(self.pause, min(doubled, self.pause_most))


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Match replies by the first digits of their code, the enhanced code, their words, and who answers."""

    code: str = ""
    enhanced: str = ""
    words: str = ""
    groups: frozenset[str] = frozenset()
    then: Throttling

    def fits(self, reply: SmtpReply, group: str | None) -> bool:
        """Say whether a reply, of a group if it is known, is of this rule."""
        return (
            str(reply.code).startswith(self.code)
            and (not self.groups or group in self.groups)
            and (not self.enhanced or self._detail.fullmatch(reply.enhanced or "") is not None)
            and (not self.words or self._pattern.search(reply.text) is not None)
        )

    @cached_property
    def _detail(self) -> re.Pattern[str]:
        return re.compile(self.enhanced)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(self.words, re.IGNORECASE)


_GOOGLE, _OUTLOOK, _YAHOO = frozenset({GOOGLE}), frozenset({OUTLOOK}), frozenset({YAHOO})

# An hour, then one message a minute to find out: a mended record is noticed without anybody.
_CONFIGURATION = Throttling(
    scope=Scope.CONFIGURATION,
    reason="authentication",
    pause=_HOUR,
    resume_rate=1,
    steady=2 * _MINUTE,
    alert=True,
    everywhere=True,
)
# Names of servers and senders in a text decide nothing: only what the codes of RFC 7372 and RFC 7489 mean, and theirs.
_AUTHENTICATION = r"[45]\.7\.(?:20|21|22|23|24|25|26|27|29|30|31|32|40)"

_GMAIL_RATE = Throttling(
    scope=Scope.GROUP,
    reason="unusual_rate",
    pause=_HOUR,
    resume_rate=10,
    halves=True,
    everywhere=True,
)
_GMAIL_REPUTATION = Throttling(
    scope=Scope.GROUP, reason="low_reputation", pause=_HOUR, halves=True, alert=True, everywhere=True
)
_YAHOO_DEFERRAL = Throttling(
    scope=Scope.GROUP, reason="complaints", pause=2 * _HOUR, hits_needed=2, resume_rate=1, halves=True
)
_LISTED = Throttling(  # the operator must have the address taken off the list; hours, not minutes
    scope=Scope.GROUP, reason="listed", pause=4 * _HOUR, resume_rate=1, halves=True, alert=True
)
_OUTLOOK_RATE = Throttling(
    scope=Scope.GROUP,
    reason="rate_limited",
    pause=30 * _MINUTE,
    resume_rate=1,
    steady=15 * _MINUTE,
    halves=True,
)
_APPLE = Throttling(scope=Scope.GROUP, reason="rate_limited", pause=15 * _MINUTE, hits_needed=3, halves=True)
_BACK_OFF = Throttling(
    scope=Scope.GROUP, reason="busy", pause=5 * _MINUTE, pause_most=20 * _MINUTE, hits_needed=2, halves=True
)
_RATE = replace(_BACK_OFF, reason="rate_limited")
_RELAY_RATE = Throttling(scope=Scope.RELAY, reason="rate_limited", halves=True)
_RELAY_BUSY = Throttling(scope=Scope.RELAY, reason="busy")  # the engine's breaker waits for it

_RATE_WORDS = (
    r"rate.?limit|too (?:many|much|fast|quickly)|throttl|temporarily deferred|try (?:again )?later"
    r"|unusual (?:rate|volume)|unexpected volume|slow down|(?:sending|message) (?:rate|limit)"
)
# What a server says to its client of the client's own connections and quota: that is the relay, speaking to us.
_RELAY_WORDS = (
    r"too many (?:concurrent )?(?:smtp )?(?:connections|sessions)|connections? (?:rate|count|limit)"
    r"|number of (?:concurrent )?connections|too (?:much mail|many messages) from|throttling failure"
    r"|maximum sending rate|(?:daily|hourly|sending) (?:message |sending )?(?:quota|limit) exceeded"
)

# Ordered: providers first, then what is said of a reader, then what any server says of our pace.
RULES: tuple[Rule, ...] = (
    # Gmail. Its auth codes come with 4 and 5 alike ("421 5.7.32" exists): the verdict is the first digit's.
    Rule(
        code="4",
        enhanced=r"4\.2\.1",
        words=r"receiving (?:e?-?mail|messages) (?:too quickly|at a rate)",
        then=Throttling(
            scope=Scope.MAILBOX, reason="receives_too_quickly", retry_after=_HOUR, retries_most=3
        ),
    ),
    Rule(enhanced=r"[45]\.7\.28", groups=_GOOGLE, then=_GMAIL_RATE),
    Rule(words=r"unusual rate of (?:unsolicited|mail|e?-?mail|messages)", then=_GMAIL_RATE),
    Rule(
        enhanced=r"[45]\.7\.(?:0|1)",
        words=r"(?:very )?low reputation|suspicious due to the nature",
        then=_GMAIL_REPUTATION,
    ),
    # Yahoo, and AOL with it.
    Rule(code="4", words=r"\[TSS05\]", then=replace(_YAHOO_DEFERRAL, pause=4 * _HOUR)),
    Rule(code="4", words=r"\[(?:TSS?0\d|IPTS0\d)\]", then=_YAHOO_DEFERRAL),
    Rule(
        code="4",
        words=r"temporarily deferred due to (?:unexpected volume|user complaints)",
        groups=_YAHOO,
        then=_YAHOO_DEFERRAL,
    ),
    Rule(code="55", words=r"\[BL\d\d\]", then=_LISTED),
    Rule(code="554", enhanced=r"5\.7\.9", groups=_YAHOO, then=_LISTED),
    # Microsoft, Outlook.com and Exchange Online.
    Rule(code="5", enhanced=r"5\.7\.515", then=_CONFIGURATION),
    Rule(code="5", words=r"\(?S31(?:40|50)\)?|part of their network is on our block ?list", then=_LISTED),
    Rule(
        code="4",
        words=r"maximum number of messages per connection",
        then=Throttling(scope=Scope.CONNECTION, reason="messages_per_connection"),
    ),
    Rule(code="4", words=r"\bRP-00[123]\b|\(S(?:77\d|3114)\)|\bS77[15]\b|\bS3114\b", then=_OUTLOOK_RATE),
    Rule(code="4", enhanced=r"4\.7\.65[0-9]", then=_OUTLOOK_RATE),
    Rule(
        code="4",
        words=r"temporarily rate limited|server busy|maximum number of (?:concurrent )?connections",
        groups=_OUTLOOK,
        then=_OUTLOOK_RATE,
    ),
    # Apple.
    Rule(code="4", words=r"\[(?:HCM1|BS02)\]", then=_APPLE),
    # Our own configuration, whoever says so: RFC 7372 §3, RFC 7489 §9.3 and Gmail's further codes.
    Rule(enhanced=_AUTHENTICATION, then=_CONFIGURATION),
    # The relay about its client: its connections and its quota are ours, whoever the reader is.
    Rule(code="4", words=_RELAY_WORDS, then=_RELAY_RATE),
    # The reader.
    Rule(
        words=r"over ?quota|quota exceeded|(?:mailbox|inbox|account) (?:is )?(?:full|out of storage)|out of storage",
        enhanced=r"(?:[45]\.2\.\d+)?",
        then=Throttling(scope=Scope.MAILBOX, reason="mailbox_full", retry_after=4 * _HOUR),
    ),
    Rule(
        enhanced=r"[45]\.2\.2",
        then=Throttling(scope=Scope.MAILBOX, reason="mailbox_full", retry_after=4 * _HOUR),
    ),
    Rule(
        code="452",
        enhanced=r"4\.5\.3",
        then=Throttling(scope=Scope.TRANSACTION, reason="too_many_recipients", alert=True),
    ),
    Rule(
        code="45",
        words=r"gr[ea]y.?list",
        then=Throttling(
            scope=Scope.RECIPIENT, reason="greylisted", retry_after=10 * _MINUTE, retry_spread=5 * _MINUTE
        ),
    ),
    Rule(
        code="45",
        enhanced=r"4\.2\.0",
        then=Throttling(
            scope=Scope.RECIPIENT, reason="greylisted", retry_after=10 * _MINUTE, retry_spread=5 * _MINUTE
        ),
    ),
    Rule(
        code="55",
        enhanced=r"5\.1\.(?:1|2|3|6|10)|5\.2\.1",
        then=Throttling(scope=Scope.ADDRESS, reason="no_such_mailbox"),
    ),
    Rule(
        code="5",
        words=r"(?:user|recipient|mailbox) (?:is )?(?:unknown|not found|disabled|inactive)|no such user|unknown user",
        then=Throttling(scope=Scope.ADDRESS, reason="no_such_mailbox"),
    ),
    Rule(
        enhanced=r"[45]\.1\.2|[45]\.4\.[134]",
        then=Throttling(scope=Scope.DOMAIN, reason="no_server"),
    ),
    Rule(
        words=r"(?:host|domain)(?: name)? (?:not found|lookup fail)|name service error|no mx record",
        then=Throttling(scope=Scope.DOMAIN, reason="no_server"),
    ),
    # Anybody about our pace. Who hangs up without speaking of a rate is the server we talk to: the relay.
    Rule(code="421", words=_RATE_WORDS, then=_RATE),
    Rule(code="421", enhanced=r"4\.[37]\.\d+", words=r"reputation|complaint|polic|spam", then=_RATE),
    Rule(code="421", then=_RELAY_BUSY),
    Rule(code="4", enhanced=r"4\.7\.\d+", words=_RATE_WORDS, then=_RATE),
    Rule(code="4", enhanced=r"4\.3\.\d+|4\.4\.5", then=_BACK_OFF),
    Rule(code="4", words=r"server (?:is )?busy|closing connection", then=_BACK_OFF),
    Rule(code="5", enhanced=r"5\.[67]\.\d+", then=Throttling(scope=Scope.MESSAGE, reason="policy")),
    Rule(code="4", then=Throttling(scope=Scope.RECIPIENT, reason="soft")),
)

_OTHER = Throttling(scope=Scope.MESSAGE, reason="refused")
_AMOUNT = re.compile(
    r"(?:in|for|after|back|again|wait|retry)(?: (?:about|another|at least|the next|in|after|for))?"
    r" (?:(\d{1,5}) ?(s|sec|second|m|min|minute|h|hour)s?\b|(\d{1,2}):(\d\d):(\d\d)\b)",
    re.IGNORECASE,
)
_UNITS = {"s": timedelta(seconds=1), "m": _MINUTE, "h": _HOUR}
_ADDRESS = re.compile(r"[^\s<>@\"']+@[^\s<>@\"']+")


def read(reply: SmtpReply, group: str | None = None) -> Throttling:
    """Return what follows from a refusal; ``group`` is the destination of the reader, None when it is not known."""
    found = next((rule.then for rule in RULES if rule.fits(reply, group)), _OTHER)
    asked = _asked_for(reply.text) if 400 <= reply.code < 500 else None
    if asked is not None:
        found = replace(found, retry_after=asked, retry_spread=_MINUTE)
    return replace(found, fault=told(reply)) if found.alert else found


def told(reply: SmtpReply) -> str:
    """Return a reply as an operator reads it, without the reader's address."""
    words = _ADDRESS.sub("[address]", reply.text)
    return " ".join(part for part in (str(reply.code), reply.enhanced, words) if part)


def _asked_for(text: str) -> timedelta | None:
    """Return how long a server asks to be left alone: "try again in 5 minutes", "come back in 00:05:00"."""
    found = _AMOUNT.search(text)
    if found is None:
        return None
    number, unit, hours, minutes, seconds = found.groups()
    if number is not None:
        wait = int(number) * _UNITS[unit[0].lower()]
    else:
        wait = timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds))
    return min(wait, _LONGEST_WAIT) if wait > timedelta() else None
