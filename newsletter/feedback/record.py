"""Write down what a mail tells: which message it is about, and what became of that; each thing once.

Nothing is decided here about addresses: an outcome is a row, and the policy looks at rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from newsletter.domain import feedback_policy
from newsletter.domain.arrivals import ArrivalResult
from newsletter.domain.outcomes import IdentifiedBy, OutcomeKind
from newsletter.feedback import identify, writing
from newsletter.feedback.identify import Identified
from newsletter.feedback.means import Means, Recorded
from newsletter.mime import authentication, inbound
from newsletter.mime.inbound import AutoReply, Kind, Report, Row, parts
from newsletter.mime.inbound.fields import Fields
from newsletter.store import Session, subscribers
from newsletter.store.tables import Arrival, Subscriber

_MESSAGE_ID = re.compile(r"<[!-;=?-~]{3,250}>")
_HOPS_MAX = 50  # Received fields: real mail has a dozen
_MAIL_SYSTEMS = frozenset({"mailer-daemon", "mailerdaemon", "mail-daemon", "maildaemon", "postmaster"})
_BULK = frozenset({"auto_reply", "bulk", "junk", "list"})


def record(session: Session, arrival: Arrival, means: Means, *, now: datetime) -> Recorded:
    """Read one mail and write its outcomes; the same mail again adds none."""
    report = inbound.read(arrival.body)
    found = identify.by_token(
        means.paths, report.origin, recipient=arrival.recipient, raw=arrival.body, now=now
    )
    mail = _Mail(session, arrival, report, found, means, now)
    if report.origin.hop_count > _HOPS_MAX:
        return Recorded(report.kind, ArrivalResult.LOOP)
    return Recorded(report.kind, _BY_KIND[report.kind](mail))


@dataclass(frozen=True)
class _Mail:
    """Hold a mail that was read; ``found`` is the message whose token it bears."""

    session: Session
    arrival: Arrival
    report: Report
    found: Identified | None
    means: Means
    now: datetime

    @cached_property
    def fields(self) -> Fields:
        """Return the mail's own header."""
        return parts.header_block(self.arrival.body)

    @cached_property
    def reader(self) -> Subscriber | None:
        """Return whose message was found."""
        return (
            None
            if self.found is None
            else subscribers.find_id(self.session, self.found.delivery.subscriber_id)
        )

    @property
    def sender(self) -> str | None:
        """Return the envelope's sender; "": none, None: not known."""
        return self.report.origin.return_path if self.arrival.sender is None else self.arrival.sender

    @property
    def is_from_reader(self) -> bool:
        """Say whether From names the reader whose message was found."""
        return self.reader is not None and _is_of(self.reader, self.report.origin.sender)

    @property
    def is_from_mail_system(self) -> bool:
        """Say whether a report may come from there: nobody, or the machine that runs mail (RFC 5321 §4.5.5)."""
        return not self.sender or self.sender.partition("@")[0].lower() in _MAIL_SYSTEMS

    @property
    def is_from_machine(self) -> bool:
        """Say whether nobody in person wrote it (RFC 3834 §2)."""
        submitted = self.fields.first("auto-submitted").partition(";")[0].strip().lower()
        return (
            "" in (self.sender, self.report.origin.return_path)
            or submitted not in {"", "no"}
            or self.fields.first("precedence").strip().lower() in _BULK
        )

    def is_addressed(self, kind: str) -> bool:
        """Say whether it was sent to a return path ("b") or to an address that unsubscribes ("u")."""
        found = self.found
        return (
            found is not None
            and found.by is IdentifiedBy.RECIPIENT
            and found.trace is not None
            and found.trace.kind == kind
        )


def _bounce(mail: _Mail) -> ArrivalResult:
    """Write a failure or a delay down.

    A token speaks for its own message alone: of several recipients behind it the reader's own row counts, else the
    worst, because somebody forwards. Without a token each row may find its message by the address.
    """
    if mail.is_addressed("u"):
        return ArrivalResult.IGNORED  # no message has that return path
    if mail.is_addressed("b") and not mail.is_from_mail_system:
        return ArrivalResult.DOUBTFUL
    if mail.found is None or not identify.is_fresh(mail.found, now=mail.now):
        return _by_rows(mail, _failure)
    row = _row_of(mail.reader, mail.report)
    return writing.result([] if row is None else [_failure(mail, mail.found, row)])


def _failure(mail: _Mail, found: Identified, row: Row) -> bool:
    kind = OutcomeKind.BOUNCED if row.is_final else OutcomeKind.DELAYED
    reader = subscribers.find_id(mail.session, found.delivery.subscriber_id)
    return writing.add(
        mail.session,
        mail.arrival,
        found,
        kind=kind,
        event_key=f"{kind}:{writing.name(found)}:{row.category}",
        reason=row.reason,
        category=row.category,
        evidence=row.evidence,
        is_hard=row.is_hard,
        is_final=row.is_final,
        named_recipient=None if reader is None or _is_of(reader, row.recipient) else row.recipient or None,
        status=row.status,
    )


def _feedback(mail: _Mail) -> ArrivalResult:
    """Write a complaint down. Without a token it proves something only when an enrolled sender has signed it."""
    if mail.found is None:
        return _by_rows(mail, _complaint)
    return writing.result([_complaint(mail, mail.found)])


def _complaint(mail: _Mail, found: Identified, _row: Row | None = None) -> bool:
    name = (mail.report.feedback_type or "")[:40]
    if name == feedback_policy.OPT_OUT and found.by is not IdentifiedBy.ADDRESS:
        return _left(mail, found, reason="opt_out")
    kind = OutcomeKind.UNKNOWN if name == "not-spam" else OutcomeKind.COMPLAINED
    return writing.add(
        mail.session,
        mail.arrival,
        found,
        kind=kind,
        event_key=f"{kind}:{writing.name(found)}:{name}",
        reason=name,
        category="complaint",
        evidence=mail.report.evidence,
    )


def _delivered(mail: _Mail) -> ArrivalResult:
    """Note that a server has the message; only a token tells which."""
    if mail.found is None:
        return ArrivalResult.UNIDENTIFIED
    return writing.result([_note(mail, mail.found, OutcomeKind.DELIVERED)])


def _auto_reply(mail: _Mail) -> ArrivalResult:
    """Note who is said to be gone; other answers of machines mean nothing, least of all that somebody reads."""
    if mail.report.auto_reply is not AutoReply.MOVED:
        return ArrivalResult.IGNORED
    found = mail.found or identify.by_address(mail.session, mail.report.origin.sender, now=mail.now)
    if found is not None:
        _note(mail, found, OutcomeKind.AUTO_REPLIED, reason="moved", category="auto_reply")
    return ArrivalResult.MOVED


def _receipt(_mail: _Mail) -> ArrivalResult:
    """Pass over what a program says that it showed: it is no sign of its reader."""
    return ArrivalResult.IGNORED


def _letter(mail: _Mail) -> ArrivalResult:
    """Let readers leave who wrote to the address for it, or answered our mail so; show all other letters.

    The token decides and not From. What a machine writes, or what comes without a sender, lets nobody leave.
    """
    if mail.is_from_machine:
        return ArrivalResult.IGNORED
    if mail.found is not None and _wants_to_leave(mail):
        return writing.result([_left(mail, mail.found, reason="mail")])
    if mail.found is not None and mail.is_from_reader:
        _note(mail, mail.found, OutcomeKind.REPLIED)
    return ArrivalResult.PERSON


def _wants_to_leave(mail: _Mail) -> bool:
    """Say whether somebody asks to leave who may.

    Reading sees an address that unsubscribes in the header, and what is said beside it, such as "do not". One that
    stands in the envelope alone it does not see.
    """
    is_asked = mail.report.kind is Kind.UNSUBSCRIBE
    if mail.is_addressed("u"):
        header = " ".join(mail.report.origin.addressed_to)
        return is_asked or not mail.means.paths.in_text(header, now=mail.now)
    return is_asked and mail.is_from_reader


def _left(mail: _Mail, found: Identified, *, reason: str) -> bool:
    """Write down that a reader wants to leave; subscribing works that off, as often as it is said."""
    return writing.add(
        mail.session,
        mail.arrival,
        found,
        kind=OutcomeKind.UNSUBSCRIBED,
        event_key=f"unsubscribed:{mail.arrival.key}:{found.delivery.subscriber_id}",
        reason=reason,
        evidence=mail.report.evidence,
        answer_to=_answer_to(mail) if reason == "mail" else None,
    )


def _answer_to(mail: _Mail) -> str | None:
    """Return the Message-ID of a mail that may be answered (RFC 3834 §2)."""
    if mail.report.origin.forbids_answer or not mail.sender:
        return None
    found = _MESSAGE_ID.search(mail.fields.first("message-id")[:400])
    return found.group() if found else None


def _note(mail: _Mail, found: Identified, kind: OutcomeKind, *, reason: str = "", category: str = "") -> bool:
    key = f"{kind}:{writing.name(found)}"
    return writing.add(
        mail.session,
        mail.arrival,
        found,
        kind=kind,
        event_key=key,
        reason=reason,
        category=category,
        evidence=mail.report.evidence,
    )


def _by_rows(mail: _Mail, write: Callable[[_Mail, Identified, Row], bool]) -> ArrivalResult:
    """Write what each row tells whose address finds a message."""
    is_enrolled = mail.report.kind is Kind.FEEDBACK and authentication.is_signed_by(
        mail.fields, mail.means.complaint_senders, server=mail.means.authentication_server
    )
    rows = mail.report.rows
    named = identify.by_addresses(
        mail.session, [address for row in rows for address in (row.original, row.recipient)], now=mail.now
    )
    written = []
    for row in rows:
        found = named.get(row.original) or named.get(row.recipient)
        if found is not None:
            by = IdentifiedBy.PROVIDER if is_enrolled else found.by
            written.append(write(mail, Identified(found.delivery, by), row))
    return writing.result(written)


def _row_of(reader: Subscriber | None, report: Report) -> Row | None:
    """Return the row about a reader, else the worst."""
    own = [row for row in report.rows if reader is not None and _is_of(reader, row.original or row.recipient)]
    return max(own or report.rows, key=lambda row: (row.is_final, row.is_hard), default=None)


def _is_of(reader: Subscriber, address: str) -> bool:
    return bool(address) and address.lower() == reader.address_key


_BY_KIND: dict[Kind, Callable[[_Mail], ArrivalResult]] = {
    Kind.BOUNCE: _bounce,
    Kind.DELAYED: _bounce,
    Kind.FEEDBACK: _feedback,
    Kind.DELIVERED: _delivered,
    Kind.AUTO_REPLY: _auto_reply,
    Kind.MDN: _receipt,
    Kind.UNSUBSCRIBE: _letter,
    Kind.OTHER: _letter,
}
