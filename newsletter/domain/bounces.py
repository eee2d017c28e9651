"""Say what a refusal means: the reason, its category, and whether the address is to blame for good.

Reasons are Sisimai's, a vocabulary that others know too; categories are those of docs/glossary.md and decide what is
done. The answer rests on who is at fault and never on "5xx" alone: a refusal of our server, our rate or our content
says nothing about a reader. Words of a server or provider that we know go first, then codes that mean one thing, then
words in general use, then the codes that many servers use loosely (RFC 3463, RFC 5248), then the reply code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from newsletter.domain import destinations
from newsletter.domain.diagnosis import codes, refusals
from newsletter.domain.diagnosis.gateways import GATEWAYS
from newsletter.domain.diagnosis.languages import LANGUAGES
from newsletter.domain.diagnosis.message import MESSAGE
from newsletter.domain.diagnosis.providers import PROVIDERS
from newsletter.domain.diagnosis.recipient import MAILBOX, WAY, WEAK
from newsletter.domain.diagnosis.refusals import Refusal
from newsletter.domain.diagnosis.rules import Found, Rules
from newsletter.domain.diagnosis.sender import SENDER
from newsletter.domain.diagnosis.servers import SERVERS
from newsletter.domain.outcomes import SmtpReply

INVALID_RECIPIENT = "invalid_recipient"
CATEGORIES: Mapping[str, str] = {
    "userunknown": INVALID_RECIPIENT,
    "hasmoved": INVALID_RECIPIENT,
    "hostunknown": "invalid_domain",
    "notaccept": "invalid_domain",
    "suspend": "inactive",
    "mailboxfull": "mailbox_full",
    "mesgtoobig": "too_big",
    "exceedlimit": "too_big",
    "spamdetected": "content",
    "virusdetected": "content",
    "contenterror": "content",
    "blocked": "reputation",
    "badreputation": "reputation",
    "requireptr": "reputation",
    "authfailure": "authentication",
    "failedstarttls": "authentication",
    "policyviolation": "policy",
    "rejected": "policy",
    "securityerror": "policy",
    "norelaying": "policy",
    "notcompliantrfc": "policy",
    "syntaxerror": "policy",
    "speeding": "rate_limited",
    "toomanyconn": "rate_limited",
    "networkerror": "transit",
    "expired": "transit",
    "systemerror": "system",
    "systemfull": "system",
    "mailererror": "system",
    "filtered": "undetermined",
    "onhold": "undetermined",
    "undefined": "undetermined",
}
_HARD = frozenset({"userunknown", "hasmoved", "hostunknown", "notaccept"})
_EVIDENCE_MAX = 200  # characters


@dataclass(frozen=True)
class Tables:
    """Hold the words in the order in which they are asked; those that say little come behind the codes."""

    of_families: Rules
    in_general_use: Rules
    weak: Rules

    def without(self, *families: str) -> Tables:
        """Return the tables with some families switched off, to measure what they are worth."""
        return Tables(self.of_families.without(*families), self.in_general_use.without(*families), self.weak)


TABLES = Tables(
    of_families=Rules((*PROVIDERS, *GATEWAYS, *SERVERS, *codes.STANDARDS)),
    in_general_use=Rules((*SENDER, *MESSAGE, *MAILBOX, *WAY, *LANGUAGES)),
    weak=Rules(WEAK),
)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Hold why a message was refused.

    ``category`` says what is done about it. ``is_hard``: the address is never to be written to again. That is so when
    the mailbox or its domain does not exist, moved or takes no mail, when the answer is final, and when the server did
    not ask for another attempt (4xx). Full, disabled and filtered mailboxes are never hard: they come back to life.
    ``evidence`` is the words or the code that decided, on one line, at most 200 characters.
    """

    reason: str
    category: str
    is_hard: bool = False
    evidence: str = ""


def diagnose(reply: SmtpReply, *, group: str | None = None) -> Diagnosis:
    """Read a reply of our own dialogue; ``group`` is the destination (domain/destinations.py), None: not known."""
    said = " ".join(part for part in (str(reply.code), reply.enhanced, reply.text) if part)
    return _judge([refusals.read(said, group=group)], TABLES, is_final=True)


def diagnose_text(
    text: str,
    *,
    status: str | None = None,
    is_final: bool = True,
    mta: str | None = None,
    tables: Tables = TABLES,
) -> Diagnosis:
    """Read a Diagnostic-Code, a provider's description or a sentence of a bounce.

    ``status`` is that of the report (RFC 3464 §2.3.4), which counts where the text has none. ``is_final`` is false for
    a notice of delay. ``mta`` is the name of the server that spoke, None: not known. An unclear refusal is
    ``undefined``, which harms nobody; no text raises an error.
    """
    return diagnose_texts([text], status=status, is_final=is_final, mta=mta, tables=tables)


def diagnose_texts(
    texts: Sequence[str],
    *,
    status: str | None = None,
    is_final: bool = True,
    mta: str | None = None,
    tables: Tables = TABLES,
) -> Diagnosis:
    """Read several texts about one recipient, the closest first; the others are looked at only when it is mute.

    A text decides if its words say something or if it quotes a reply with a code.
    """
    group = destinations.group_of_server(mta) if mta else None
    read = (refusals.read(text, status=status, group=group) for text in texts or [""])
    return _judge(read, tables, is_final=is_final)


def _judge(read: Iterable[Refusal], tables: Tables, *, is_final: bool) -> Diagnosis:
    mute: list[Refusal] = []
    for refusal in read:
        found = _by_words(refusal, tables) or (_by_rest(refusal, tables) if refusal.is_reply else None)
        if found is not None:
            return _diagnosis(found, refusal, is_final=is_final)
        mute.append(refusal)
    return _diagnosis(_by_rest(mute[0], tables), mute[0], is_final=is_final)


def _diagnosis(found: Found, refusal: Refusal, *, is_final: bool) -> Diagnosis:
    is_hard = is_final and found.reason in _HARD and not refusal.is_temporary
    return Diagnosis(found.reason, CATEGORIES[found.reason], is_hard, found.evidence[:_EVIDENCE_MAX])


def _by_words(refusal: Refusal, tables: Tables) -> Found | None:
    """Ask the tables; what a server said itself goes before what was told about it."""
    return (
        tables.of_families.find(*refusal.lines)
        or _by_code(refusal, codes.SPECIFIC)
        or tables.in_general_use.find(*refusal.lines)
    )


def _by_rest(refusal: Refusal, tables: Tables) -> Found:
    return (
        _by_code(refusal, codes.LOOSE)
        or tables.weak.find(*refusal.lines)
        or _by_subject(refusal)
        or Found(codes.BY_REPLY.get(refusal.code, "undefined"), refusal.code)
    )


def _by_code(refusal: Refusal, table: Mapping[str, str]) -> Found | None:
    code = refusal.enhanced or refusal.status
    reason = table.get(code) or table.get(code[2:])
    return Found(reason, code) if reason else None


def _by_subject(refusal: Refusal) -> Found | None:
    code = refusal.enhanced or refusal.status
    return Found(codes.BY_SUBJECT[code[2:3]], code) if code[2:3] in codes.BY_SUBJECT else None
