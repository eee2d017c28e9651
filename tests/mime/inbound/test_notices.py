"""Notices of servers that follow no standard: whom each is about, why, and whether it is over."""

from __future__ import annotations

import pytest

from newsletter.mime.inbound import Kind, read
from tests.mime.inbound.mails import OURS
from tests.mime.inbound.notices import SAMPLES, Sample


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.name for sample in SAMPLES])
def test_a_notice_is_understood(sample: Sample) -> None:
    raw = (
        f"From: {sample.sender}\nTo: {OURS}\nSubject: {sample.subject}\n"
        f"Content-Type: text/plain; charset=utf-8\n\n{sample.text}"
    )

    found = read(raw.encode())

    assert found.kind is (Kind.BOUNCE if sample.is_final else Kind.DELAYED)
    assert tuple(row.recipient for row in found.rows) == sample.recipients
    assert {(row.reason, row.is_final) for row in found.rows} == {(sample.reason, sample.is_final)}
