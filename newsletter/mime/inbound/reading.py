"""Read an inbound message: standards first, then what servers are known to write, then what anybody would see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from newsletter.mime.inbound import (
    arf,
    autoreply,
    dsn,
    failure,
    notification,
    origin,
    parts,
    prose,
    rows,
    second_opinion,
    unsubscribe,
)
from newsletter.mime.inbound.deliveries import Delivery, Found
from newsletter.mime.inbound.notice import Notice
from newsletter.mime.inbound.report import ROWS_MAX, Kind, Report, Row


def read(raw: bytes, *, without: frozenset[str] = frozenset()) -> Report:
    """Say what a message is; only its first 1,000,000 octets are seen, and no input raises.

    ``without`` names families of rules that are switched off, for measuring what each is worth.
    """
    notice = Notice(parts.parse(raw))
    steps = (step for name, step in _STEPS.items() if name not in without)
    found = (step(notice) for step in steps)
    report = next(filter(None, found), None) or _prose(notice, without) or _answer(notice)
    if _is_undetermined(report) and second_opinion.FAMILY not in without:
        report = _second_opinion(notice, raw) or report
    return replace(report, origin=origin.of(notice))


def _notification(notice: Notice) -> Report | None:
    told = notification.read(notice)
    if told is None:
        return None
    if told.kind is Kind.BOUNCE:
        return _bounce(notice, Found(told.deliveries[:ROWS_MAX], "ses"))
    if told.kind is Kind.FEEDBACK:
        return _complaint(told.feedback_type, [each.recipient for each in told.deliveries])
    return Report(told.kind, family="ses")


def _feedback(notice: Notice) -> Report | None:
    found = arf.feedback_type(notice)
    return _complaint(found, arf.complainers(notice)) if found else None


def _complaint(feedback_type: str, complainers: list[str]) -> Report:
    evidence = f"Feedback-Type: {feedback_type}"
    complaints = tuple(
        Row(each, each, "feedback", "complaint", "", is_hard=False, is_final=True, evidence=evidence)
        for each in complainers[:ROWS_MAX]
    )
    return Report(Kind.FEEDBACK, complaints, feedback_type=feedback_type, evidence=evidence)


def _receipt(notice: Notice) -> Report | None:
    """Recognise a receipt that a person or client gave (RFC 8098)."""
    is_one = notice.mail.parameters.get("report-type", "").lower() == "disposition-notification"
    return Report(Kind.MDN) if is_one or notice.mail.of_type("message/disposition-notification") else None


def _status_report(notice: Notice) -> Report | None:
    found = dsn.read(notice)
    failed = [each for each in found.deliveries if not each.has_arrived]
    if not failed:
        return Report(Kind.DELIVERED, family=found.family) if found.deliveries else None
    said = prose.said_of_each(notice)
    for each in failed:
        each.texts += said.get(each.recipient.lower(), ())
    return _bounce(notice, replace(found, deliveries=failed))


def _prose(notice: Notice, without: frozenset[str]) -> Report | None:
    if failure.is_other_report(notice):
        return Report(Kind.OTHER)
    if not failure.is_failure(notice) or autoreply.is_absence(notice):
        return None
    if failure.has_arrived(notice):
        return Report(Kind.DELIVERED)
    found = prose.read(notice, without=without)
    if not found.deliveries and notice.returned_report:
        return _status_report(notice.returned_report)  # a gateway returned the report instead of our message
    if not found.deliveries and unsubscribe.address(notice):
        return Report(Kind.OTHER)  # we send nothing from there, so nothing of ours failed
    unnamed = [Delivery(address) for address in prose.mailed(notice) or [""]]
    found = replace(found, deliveries=found.deliveries or unnamed)
    is_final = not failure.is_delay(notice)
    for each in found.deliveries:
        each.is_final = is_final
    return _bounce(notice, found)


def _bounce(notice: Notice, found: Found) -> Report:
    deliveries = found.worst()
    mailed = prose.mailed(notice)
    if len(deliveries) == 1 and mailed and deliveries[0].original in {"", deliveries[0].recipient}:
        deliveries[0].original = mailed[0]
    judged = rows.judged(deliveries, otherwise=[notice.text, failure.reason_in_subject(notice)])
    kind = Kind.BOUNCE if any(row.is_final for row in judged) else Kind.DELAYED
    return Report(kind, judged, family=found.family, rows_left_off=found.left_off)


def _answer(notice: Notice) -> Report:
    subject = notice.mail.fields.text("subject")[:200]
    answered = autoreply.kind(notice)
    if answered:
        return Report(Kind.AUTO_REPLY, auto_reply=answered, evidence=subject)
    asked = unsubscribe.request(notice)
    if asked:
        return Report(Kind.UNSUBSCRIBE, evidence=asked)
    absent = autoreply.unmarked(notice)
    return Report(Kind.AUTO_REPLY, auto_reply=absent, evidence=subject) if absent else Report(Kind.OTHER)


def _is_undetermined(report: Report) -> bool:
    """Say whether nothing told what a mail is, or whom it is about."""
    return report.kind is Kind.OTHER or any(not row.recipient for row in report.rows)


def _second_opinion(notice: Notice, raw: bytes) -> Report | None:
    """Take what flufl.bounce says, but never as hard: it gives no reason."""
    found = second_opinion.read(raw)
    if not found.deliveries:
        return None
    report = _bounce(notice, found)
    return replace(report, rows=tuple(replace(row, is_hard=False) for row in report.rows))


# What standards and providers describe, by the name of the family of rules, in this order.
_STEPS: Mapping[str, Callable[[Notice], Report | None]] = {
    "ses": _notification,
    "arf": _feedback,
    "mdn": _receipt,
    "rfc3464": _status_report,
}
