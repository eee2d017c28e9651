"""Turn what a message says about recipients into rows: the domain judges the words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache

from newsletter.domain import bounces
from newsletter.domain.bounces import Diagnosis
from newsletter.mime.inbound.deliveries import Delivery
from newsletter.mime.inbound.report import Row

_TEXT_MAX = 3000  # characters that are judged: a notice says why at once
_TEXTS_MAX = 8  # texts that are looked at for one recipient
_OPEN_CODE = re.compile(r"[245]\.\d\.0|[245]\d\d")
_EVIDENCE_MAX = 500  # characters: a reply line has at most 512 octets (RFC 5321 §4.5.3.1.5)


def judged(deliveries: Iterable[Delivery], *, otherwise: Iterable[str]) -> tuple[Row, ...]:
    """Return a row for each delivery; ``otherwise`` are texts about all of them."""
    judge = cache(bounces.diagnose_text)  # recipients of one server get the same words
    return tuple(_row(each, [*each.texts, *otherwise], judge) for each in deliveries)


def _row(each: Delivery, texts: list[str], judge: Callable[..., Diagnosis]) -> Row:
    diagnosis = _diagnosis(each, texts, judge)
    return Row(
        recipient=each.recipient or each.original,
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


def _diagnosis(each: Delivery, texts: list[str], judge: Callable[..., Diagnosis]) -> Diagnosis:
    """Judge by the first text that says something; the others are further from the recipient.

    A code that leaves the detail open (RFC 3463 §3.1: x.y.0) says less than words in a later text.
    """
    status, mta = each.status or None, each.remote_mta or None
    vague: list[Diagnosis] = []
    for text in texts[:_TEXTS_MAX]:
        diagnosis = judge(text[:_TEXT_MAX], status=status, is_final=each.is_final, mta=mta)
        if not _is_vague(diagnosis):
            return diagnosis
        vague.append(diagnosis)
    return next((each for each in vague if each.category != "undetermined"), vague[0])


def _is_vague(diagnosis: Diagnosis) -> bool:
    return diagnosis.category == "undetermined" or bool(_OPEN_CODE.fullmatch(diagnosis.evidence))
