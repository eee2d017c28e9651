"""Speak to the receiver over sockets: who is refused when, what is kept, and what no client can do."""

from __future__ import annotations

import smtplib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.domain.arrivals import KEPT_BYTES, READ_BYTES, MailWay
from newsletter.inbound.dialogue import Limits
from newsletter.inbound.mail import Mail
from tests.services.ledger import OTHER, OURS, REPORT, Ledger, Line
from tests.services.receiving import Receiver, receiving


def test_a_mail_is_kept_whole_with_its_envelope(client: smtplib.SMTP, ledger: Ledger) -> None:
    client.sendmail("", [OURS], REPORT)

    [(way, mail)] = ledger.kept
    assert way is (MailWay.LMTP if isinstance(client, smtplib.LMTP) else MailWay.SMTP)
    assert mail == Mail(raw=REPORT, size_bytes=len(REPORT), recipients=(OURS,), sender="", peer="127.0.0.1")


def test_who_it_is_not_for_is_said_before_the_mail_comes(client: smtplib.SMTP) -> None:
    client.mail("")

    answers = [client.rcpt(address) for address in ("b-3@in.post.example", "b-1@elsewhere.example", OURS)]

    assert [(code, text.split()[0]) for code, text in answers] == [
        (550, b"5.1.1"),
        (550, b"5.7.1"),
        (250, b"2.1.5"),
    ]


def test_a_new_key_is_looked_for_before_an_address_is_refused(client: smtplib.SMTP, ledger: Ledger) -> None:
    ledger.after_refresh.add("b-3@in.post.example")

    client.sendmail("", ["b-3@in.post.example"], REPORT)

    assert (len(ledger.kept), ledger.refresh_count) == (1, 1)


def test_without_the_database_mail_is_put_off(client: smtplib.SMTP, ledger: Ledger) -> None:
    ledger.is_away = True
    client.mail("")
    client.rcpt(OURS)

    code, text = client.data(REPORT)

    assert (code, text.split()[0]) == (451, b"4.3.0")
    ledger.is_away = False
    client.sendmail("", [OURS], REPORT)
    assert len(ledger.kept) == 1


def test_an_address_with_too_much_mail_is_put_off(client: smtplib.SMTP, ledger: Ledger) -> None:
    ledger.is_away = True
    client.mail("")

    assert client.rcpt(OTHER)[0] == 450


def test_lmtp_answers_for_each_recipient(receiver: Receiver, ledger: Ledger) -> None:
    line = Line(receiver.lmtp)
    line.say(b"LHLO mx.example.net\r\n")
    line.say(b"MAIL FROM:<>\r\n")
    for address in (OURS, "b-3@in.post.example", OTHER):
        line.say(f"RCPT TO:<{address}>\r\n".encode())
    line.say(b"DATA\r\n")

    answers = [line.say(REPORT + b".\r\n"), line.read(), line.say(b"NOOP\r\n")]

    assert [answer[:9] for answer in answers[:2]] == [b"250 2.0.0", b"250 2.0.0"]
    assert answers[2].startswith(b"250")
    assert [mail.recipients for _, mail in ledger.kept] == [(OURS, OTHER)]
    line.close()


def test_each_protocol_has_its_own_greeting(receiver: Receiver) -> None:
    lmtp, smtp = Line(receiver.lmtp), Line(receiver.smtp)

    assert lmtp.say(b"EHLO x\r\n").startswith(b"500")
    assert smtp.say(b"LHLO x\r\n").startswith(b"500")
    offered = lmtp.say(b"LHLO x\r\n")
    assert [word in offered for word in (b"PIPELINING", b"SIZE 50000000", b"8BITMIME", b"AUTH")] == [
        True,
        True,
        True,
        False,
    ]
    lmtp.close()
    smtp.close()


def test_a_pipelined_dialogue_is_answered_in_order(line: Line, ledger: Ledger) -> None:
    line.say(b"EHLO x\r\n")
    envelope = f"MAIL FROM:<>\r\nRCPT TO:<{OURS}>\r\nDATA\r\n".encode()

    first = [line.say(envelope), line.read(), line.read()]
    second = [line.say(REPORT + b".\r\n" + envelope), line.read(), line.read(), line.read()]

    assert [answer[:3] for answer in first + second] == [
        b"250", b"250", b"354", b"250", b"250", b"250", b"354",
    ]  # fmt: skip
    assert len(ledger.kept) == 1


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (b".\r\n", b""),
        (b"\r\n.\r\n", b"\r\n"),
        (b"a\r\n..\r\n...b\r\n.\r\n", b"a\r\n.\r\n..b\r\n"),
        (b"a\n.\nb\r\n.\r\n", b"a\n.\nb\r\n"),
        (b"a\r.\rb\n.\r\nc\r\n.\r\n", b"a\r.\rb\n.\r\nc\r\n"),
        (b"\0\xff\r\n.\r\n", b"\0\xff\r\n"),
        (b"x" * 70_000 + b"\r\n.\r\n", b"x" * 70_000 + b"\r\n"),
        (b"x" * 65_535 + b"\r\n..\r\n.\r\n", b"x" * 65_535 + b"\r\n.\r\n"),
        (b"x" * 65_536 + b"\r\n.\r\n", b"x" * 65_536 + b"\r\n"),
    ],
    ids=lambda octets: repr(octets[:20]),
)
def test_a_body_ends_at_a_lone_dot_and_nowhere_else(
    line: Line, ledger: Ledger, said: bytes, kept: bytes
) -> None:
    line.begin()

    answer = line.say(said)

    assert answer.startswith(b"250")
    assert [mail.raw for _, mail in ledger.kept] == [kept]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.sampled_from([b".", b"\r\n", b"\r\n.", b"\n", b"\r", b"a", b"b" * 65_535])))
def test_whatever_a_client_stuffs_is_kept_as_it_was(line: Line, ledger: Ledger, parts: list[bytes]) -> None:
    body = b"".join([*parts, b"\r\n"])
    stuffed = (b"\r\n" + body).replace(b"\r\n.", b"\r\n..").removeprefix(b"\r\n")
    ledger.kept.clear()
    line.begin()

    answer = line.say(stuffed + b".\r\n")

    assert answer.startswith(b"250")
    assert [mail.raw for _, mail in ledger.kept] == [body]


def test_of_a_large_mail_the_first_part_is_kept(line: Line, ledger: Ledger) -> None:
    line.begin()

    answer = line.say(b"x" * (KEPT_BYTES + 5) + b"\r\n.\r\n")

    [(_, mail)] = ledger.kept
    assert answer.startswith(b"250")
    assert (len(mail.raw), mail.size_bytes) == (KEPT_BYTES, KEPT_BYTES + 7)


def test_while_much_is_held_only_what_a_parser_sees_is(ledger: Ledger) -> None:
    with receiving(ledger, limits=Limits(held_bytes=1)) as receiver:
        first, second = Line(receiver.smtp), Line(receiver.smtp)
        first.begin()
        second.begin()
        second.say(b"x" * 3_000_000 + b"\r\n.\r\n")
        first.say(b"x" * 3_000_000 + b"\r\n.\r\n")
        first.close()
        second.close()

    assert [len(mail.raw) for _, mail in ledger.kept] == [READ_BYTES, 3_000_002]


@pytest.mark.parametrize(("sender", "code"), [("", 250), ("ada@example.com", 552)])
def test_what_is_too_large_is_refused_but_not_when_nobody_sent_it(
    ledger: Ledger, sender: str, code: int
) -> None:
    with receiving(ledger, limits=Limits(body_bytes=1_000)) as receiver:
        client = smtplib.SMTP("127.0.0.1", receiver.smtp)
        client.helo()
        client.mail(sender)
        client.rcpt(OURS)

        answered, _ = client.data(b"x" * 2_000)

        assert (answered, len(ledger.kept)) == (code, code == 250)
        client.ehlo()
        assert client.mail(sender, ["SIZE=2000"])[0] == 552
        client.close()
