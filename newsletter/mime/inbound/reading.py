"""Read an inbound message: standards first, then what servers are known to write, then what anybody would see."""

from __future__ import annotations

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
    unsubscribe,
)
from newsletter.mime.inbound.notice import Notice
from newsletter.mime.inbound.report import ROWS_MAX, Kind, Report, Row


def read(raw: bytes, *, without: frozenset[str] = frozenset()) -> Report:
    """Say what a message is; only its first 1,000,000 octets are seen, and no input raises.

    ``without`` names families of rules that are switched off, for measuring what each is worth.
    """
    notice = Notice(parts.parse(raw))
    report = (
        _notification(notice)
        or _feedback(notice)
        or _receipt(notice)
        or _status_report(notice)
        or _prose(notice, without)
        or _answer(notice)
    )
    return replace(report, origin=origin.of(notice))


def _notification(notice: Notice) -> Report | None:
    told = notification.read(notice)
    if told is None:
        return None
    if told.kind is Kind.BOUNCE:
        return _bounce(notice, told.deliveries, "ses")
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
    failed = [each for each in found if not each.has_arrived]
    for each in failed:
        each.texts += prose.about(each.recipient, notice)
    if found and not failed:
        return Report(Kind.DELIVERED, family="rfc3464")
    return _bounce(notice, failed, "rfc3464") if failed else None


def _prose(notice: Notice, without: frozenset[str]) -> Report | None:
    if not failure.is_failure(notice):
        return None
    found = prose.read(notice, without=without)
    if not found.deliveries and notice.returned_report:
        return _status_report(notice.returned_report)  # a gateway returned the report instead of our message
    unnamed = [dsn.Delivery(address) for address in prose.mailed(notice) or [""]]
    deliveries = found.deliveries or unnamed
    is_final = not failure.is_delay(notice)
    for each in deliveries:
        each.is_final = is_final
    return _bounce(notice, deliveries, found.family)


def _bounce(notice: Notice, found: list[dsn.Delivery], family: str) -> Report:
    mailed = prose.mailed(notice)
    if len(found) == 1 and mailed and not found[0].original:
        found[0].original = mailed[0]
    judged = rows.judged(found, otherwise=[notice.text, notice.mail.fields.text("subject")])
    is_over = any(row.is_final for row in judged)
    return Report(
        Kind.BOUNCE if is_over else Kind.DELAYED,
        tuple(judged),
        family=family,
        rows_left_off=max(0, len(found) - len(judged)),
    )


def _answer(notice: Notice) -> Report:
    answered = autoreply.kind(notice)
    if answered:
        return Report(Kind.AUTO_REPLY, auto_reply=answered, evidence=notice.mail.fields.text("subject")[:200])
    asked = unsubscribe.request(notice)
    return Report(Kind.UNSUBSCRIBE, evidence=asked) if asked else Report(Kind.OTHER)
