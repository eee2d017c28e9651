"""Envelopes say what a relay offers to hear, and what must never go out does not."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.domain.outcomes import SmtpReply
from newsletter.transports.base import Envelope, Submission
from newsletter.transports.smtp.commands import Commands, has_bare_line_end, stuffed
from newsletter.transports.smtp.offer import Offer, read
from newsletter.transports.smtp.replies import Reply

BODY = b"Subject: x\r\n\r\nHello.\r\n"
EVERYTHING = Offer(has_8bitmime=True, has_smtputf8=True, has_dsn=True, has_size=True)


def envelope(
    to: str = "ana@reader.example",
    *,
    offer: Offer = Offer(),  # noqa: B008 - frozen
    sender: str = "b@post.example.com",
    message: bytes = BODY,
    envelope_id: str = "",
    is_prepared: bool = False,
) -> bytes | SmtpReply:
    made = Submission(Envelope(sender, to, envelope_id), message, is_prepared=is_prepared)
    return Commands(offer).envelope(made)


def test_a_plain_relay_hears_plain_commands() -> None:
    assert envelope() == b"MAIL FROM:<b@post.example.com>\r\nRCPT TO:<ana@reader.example>\r\nDATA\r\n"


def test_the_null_return_path_is_empty() -> None:
    assert envelope(sender="") == b"MAIL FROM:<>\r\nRCPT TO:<ana@reader.example>\r\nDATA\r\n"


def test_size_and_delivery_reports_are_said_to_who_offers_them() -> None:
    assert envelope(offer=EVERYTHING, envelope_id="7+a=b") == (
        b"MAIL FROM:<b@post.example.com> SIZE=22 RET=HDRS ENVID=7+2Ba+3Db\r\n"
        b"RCPT TO:<ana@reader.example> NOTIFY=FAILURE\r\nDATA\r\n"
    )


def test_eight_bits_are_said_only_of_a_message_that_has_them() -> None:
    said = envelope(offer=EVERYTHING, message="é\r\n".encode())

    assert isinstance(said, bytes)
    assert b" BODY=8BITMIME" in said
    assert b"8BITMIME" not in envelope(offer=EVERYTHING)  # type: ignore[operator]  # it is octets


def test_eight_bits_never_go_to_a_relay_that_takes_seven() -> None:
    refused = envelope(message="é\r\n".encode())

    assert isinstance(refused, SmtpReply)
    assert (refused.code, refused.enhanced) == (554, "5.6.3")


def test_a_domain_goes_out_in_ascii() -> None:
    assert b"RCPT TO:<ana@xn--bcher-kva.example>\r\n" in envelope("ana@bücher.example")  # type: ignore[operator]


def test_a_local_part_outside_ascii_needs_a_relay_that_takes_it_and_is_never_altered() -> None:
    taken = envelope("josé@bücher.example", offer=EVERYTHING)
    refused = envelope("josé@bücher.example")

    assert isinstance(taken, bytes)
    assert " SMTPUTF8\r\nRCPT TO:<josé@xn--bcher-kva.example>".encode() in taken
    assert isinstance(refused, SmtpReply)
    assert (refused.code, refused.enhanced) == (550, "5.6.7")
    assert "SMTPUTF8" in refused.text


def test_a_message_above_the_announced_size_is_refused_here() -> None:
    refused = envelope(offer=Offer(has_size=True, size_max=len(BODY) - 1))

    assert isinstance(refused, SmtpReply)
    assert (refused.code, refused.enhanced) == (552, "5.3.4")
    assert isinstance(envelope(offer=Offer(has_size=True, size_max=len(BODY))), bytes)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a@reader.example>\r\nRCPT TO:<b@reader.example",
        "a\r@reader.example",
        "a\n@reader.example",
        "a\0@reader.example",
        "a b@reader.example",
        "<a@reader.example",
        "a@reader.example>",
        "a\t@reader.example",
        "a\x7f@reader.example",
        "é b@reader.example",
        "é\u2028@reader.example",
        "é\ud800@reader.example",
        "é@reader.example\r\n",
        "a@é\r\n.example",
        "a" * 255 + "@reader.example",
        "é" * 130 + "@reader.example",
    ],
)
@pytest.mark.parametrize("place", ["to", "sender"])
def test_an_address_that_could_change_the_command_is_refused(place: str, address: str) -> None:
    if place == "sender" and not address:
        return  # the null return path
    refused = envelope(offer=EVERYTHING, **{place: address})  # type: ignore[arg-type]  # a table of options

    assert isinstance(refused, SmtpReply)
    assert (refused.code, refused.enhanced) == (553, "5.1.3")


@example("", "0", "<")
@example("é@a.example", "é@b.example", ">")
@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_no_envelope_has_more_than_its_three_lines(sender: str, to: str, envelope_id: str) -> None:
    said = envelope(to, offer=EVERYTHING, sender=sender, envelope_id=envelope_id)

    if isinstance(said, bytes):
        assert said.count(b"\r\n") == said.count(b"\r") == said.count(b"\n") == 3
        parameters = rb"(?: [A-Z0-9]+(?:=[!-<>-~]+)?)*"
        assert re.fullmatch(
            rb"MAIL FROM:<[^<>]*>%b\r\nRCPT TO:<[^<>]+>%b\r\nDATA\r\n" % (parameters, parameters), said
        )
        assert b"\0" not in said
        assert said.endswith(b"\r\nDATA\r\n")


@pytest.mark.parametrize(
    "smuggled", [b"", b"no end", b"a\n.\r\n", b"a\r.\r\n", b"a\r\r\n", b"a\n\r\n", b"\na\r\n", b"a\r\n\n"]
)
def test_a_bare_line_end_is_refused_in_what_nobody_vouches_for(smuggled: bytes) -> None:
    assert has_bare_line_end(smuggled)
    refused = envelope(message=smuggled)
    assert isinstance(refused, SmtpReply)
    assert (refused.code, refused.enhanced) == (554, "5.6.0")


@given(st.lists(st.sampled_from([b".", b"..", b"a", b"", b".a", b"a."]), min_size=1, max_size=8))
def test_stuffed_dots_come_out_again_as_they_were(lines: list[bytes]) -> None:
    message = b"".join(line + b"\r\n" for line in lines)

    written = stuffed(message).split(b"\r\n")

    assert b"." not in written
    assert b"\r\n".join(line.removeprefix(b".") for line in written) == message


def test_what_a_relay_offers_is_read_in_any_case_and_spelling() -> None:
    lines = (
        b"relay.example at your service",
        b"pipelining",
        b"SIZE 1000",
        b"8BITMIME",
        b"SMTPUTF8",
        b"DSN",
        b"STARTTLS",
        b"AUTH PLAIN LOGIN",
        b"AUTH=XOAUTH2",
        b"LIMITS RCPTMAX=20 MAILMAX=5",
        b"XCLIENT NAME",
        b"",
        b"\xff\xfe",
    )

    assert read(Reply(250, lines)) == Offer(
        has_pipelining=True,
        has_size=True,
        size_max=1000,
        has_8bitmime=True,
        has_smtputf8=True,
        has_dsn=True,
        has_starttls=True,
        mail_max=5,
        mechanisms=frozenset({"PLAIN", "LOGIN", "XOAUTH2"}),
    )


@pytest.mark.parametrize("line", [b"SIZE", b"SIZE 0", b"SIZE lots", b"SIZE -1", b"SIZE " + b"9" * 40])
def test_a_size_that_says_nothing_is_no_limit(line: bytes) -> None:
    assert read(Reply(250, (b"relay.example", line))) == Offer(has_size=True)


def test_the_name_of_a_relay_is_no_extension() -> None:
    assert read(Reply(250, (b"PIPELINING hello",))) == Offer()
