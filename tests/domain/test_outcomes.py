"""Check how replies of SMTP servers are read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain.outcomes import SmtpReply


@pytest.mark.parametrize(
    ("text", "enhanced", "words"),
    [
        (b"", None, ""),
        (b"OK", None, "OK"),
        (b"2.0.0 Ok: queued as 4F2A", "2.0.0", "Ok: queued as 4F2A"),
        (b"5.1.1", "5.1.1", ""),
        (b"5.1.10  Not found", "5.1.10", "Not found"),
        (b"5.1.1 Nobody of\n5.1.1 that name", "5.1.1", "Nobody of that name"),
        (b"4.7.1 Slow down\r\n\r\n  please", "4.7.1", "Slow down please"),
        (b"Version 5.1.1 of the server", None, "Version 5.1.1 of the server"),
        (b"3.1.1 is no code", None, "3.1.1 is no code"),
        (b"5.1.1234 neither", None, "5.1.1234 neither"),
        (b"192.0.2.1 is blocked", None, "192.0.2.1 is blocked"),
        ("Gehört niemandem", None, "Gehört niemandem"),
        (b"Geh\xf6rt niemandem", None, "Geh\ufffdrt niemandem"),
        (b"no\0 bells\x07 or \x1b[31mcolours", None, "no bells or [31mcolours"),
    ],
)
def test_a_reply_is_a_code_of_rfc_3463_and_words(text: bytes | str, enhanced: str | None, words: str) -> None:
    assert SmtpReply.parse(550, text) == SmtpReply(550, enhanced, words)


@given(st.binary(max_size=300) | st.text(st.characters(), max_size=300))
def test_any_reply_can_be_kept_in_a_database(text: bytes | str) -> None:
    reply = SmtpReply.parse(550, text)

    assert reply.text.isprintable()
    assert reply.text.encode().decode() == reply.text


def test_a_flood_of_words_is_cut() -> None:
    assert len(SmtpReply.parse(550, b"5.1.1 " + b"words" * 10_000).text) == 500
