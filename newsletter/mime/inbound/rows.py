"""Turn what a message says about recipients into rows: the domain judges the words."""

from __future__ import annotations

from collections.abc import Iterable

from newsletter.domain import bounces
from newsletter.mime.inbound.dsn import Delivery
from newsletter.mime.inbound.report import ROWS_MAX, Row

_EVIDENCE_MAX = 500  # characters: a reply line has at most 512 octets (RFC 5321 §4.5.3.1.5)


def judged(deliveries: Iterable[Delivery], *, otherwise: Iterable[str]) -> list[Row]:
    """Return a row for each recipient, the worst news of each; ``otherwise`` are texts about all of them."""
    worst: dict[str, Delivery] = {}
    for each in deliveries:
        known = worst.get(each.recipient.lower())
        if known is None or (each.is_final and not known.is_final):
            worst[each.recipient.lower()] = each
    return [_row(each, [*each.texts, *otherwise]) for each in list(worst.values())[:ROWS_MAX]]


def _row(each: Delivery, texts: list[str]) -> Row:
    """Judge by the first text that says something; the others are further from the recipient."""
    status, mta = each.status or None, each.remote_mta or None
    for text in texts or [""]:
        diagnosis = bounces.diagnose_text(text, status=status, is_final=each.is_final, mta=mta)
        if diagnosis.category != "undetermined":
            break
    return Row(
        recipient=each.recipient,
        original=each.original or each.recipient,
        reason=diagnosis.reason,
        category=diagnosis.category,
        status=each.status,
        is_hard=diagnosis.is_hard,
        is_final=each.is_final,
        evidence=diagnosis.evidence[:_EVIDENCE_MAX],
        reporting_mta=each.reporting_mta[:255],
        remote_mta=each.remote_mta[:255],
    )
