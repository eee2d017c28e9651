"""Speak to the receiver over sockets: who is refused when, what is kept, and what no client can do."""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.domain.arrivals import KEPT_BYTES, READ_BYTES, MailWay
from newsletter.inbound.dialogue import Limits, Standing
from newsletter.inbound.mail import Mail
from newsletter.inbound.smtp_server import Certificate
from tests.services.ports import wait_until
from tests.services.receiving import Receiver, receiving

OURS, OTHER = "b-1@in.post.example", "b-2@in.post.example"
REPORT = b"Subject: Undelivered\r\n\r\n.a dot\r\nNo such user.\r\n"


class Away(Exception):
    """Stand for a database that is away."""


@dataclass
class Ledger:
    """Keep mail in memory, and know two addresses."""

    kept: list[tuple[MailWay, Mail]] = field(default_factory=list)
    known: set[str] = field(default_factory=lambda: {OURS, OTHER})
    after_refresh: set[str] = field(default_factory=set)
    refresh_count: int = 0
    is_away: bool = False
    brought_max: int = 1_000
    seconds: float = 0.0

    def standing(self, recipient: str) -> Standing:
        if recipient.rpartition("@")[2] != "in.post.example":
            return Standing.ELSEWHERE
        return Standing.OURS if recipient in self.known else Standing.UNKNOWN

    def may_bring(self, client: str) -> bool:
        assert client == "127.0.0.1"
        self.brought_max -= 1
        return self.brought_max >= 0

    def has_room(self, recipient: str) -> bool:
        return recipient != OTHER or not self.is_away

    def refresh(self) -> None:
        self.refresh_count += 1
        self.known |= self.after_refresh

    def keep(self, way: MailWay, mail: Mail) -> None:
        time.sleep(self.seconds)
        if self.is_away:
            raise Away
        self.kept.append((way, mail))


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def receiver(ledger: Ledger) -> Iterator[Receiver]:
    with receiving(ledger) as started:
        yield started


@pytest.fixture(params=[MailWay.LMTP, MailWay.SMTP])
def client(request: pytest.FixtureRequest, receiver: Receiver) -> Iterator[smtplib.SMTP]:
    """Speak both ways in turn, the greeting done."""
    kind = smtplib.LMTP if request.param is MailWay.LMTP else smtplib.SMTP
    opened = kind("127.0.0.1", receiver.ports[request.param])
    opened.ehlo_or_helo_if_needed()
    yield opened
    opened.close()


@dataclass
class Line:
    """Speak octets, where smtplib is too polite."""

    port: int

    def __post_init__(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        self.file = self.socket.makefile("rb")
        self.greeting = self.read()

    def say(self, octets: bytes) -> bytes:
        """Send octets and return the answer to them."""
        self.socket.sendall(octets)
        return self.read()

    def begin(self, recipient: str = OURS) -> None:
        """Come to the body of a mail without a sender."""
        self.say(b"EHLO mx.example.net\r\n")
        self.say(b"MAIL FROM:<>\r\n")
        self.say(f"RCPT TO:<{recipient}>\r\n".encode())
        assert self.say(b"DATA\r\n").startswith(b"354")

    def read(self) -> bytes:
        """Return one answer, b"" at the end of the connection."""
        lines = [self.file.readline()]
        while lines[-1][3:4] == b"-":
            lines.append(self.file.readline())
        return b"".join(lines)

    def close(self) -> None:
        self.file.close()
        self.socket.close()


@pytest.fixture
def line(receiver: Receiver) -> Iterator[Line]:
    opened = Line(receiver.smtp)
    yield opened
    opened.close()


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


def test_a_client_that_brings_too_much_is_put_off(receiver: Receiver, ledger: Ledger) -> None:
    ledger.brought_max = 1
    smtp, lmtp = smtplib.SMTP("127.0.0.1", receiver.smtp), smtplib.LMTP("127.0.0.1", receiver.lmtp)

    smtp.sendmail("", [OURS], REPORT)

    smtp.ehlo()
    assert smtp.mail("")[0] == 451
    lmtp.sendmail("", [OURS], REPORT)
    smtp.close()
    lmtp.close()


def test_who_guesses_addresses_is_sent_away(ledger: Ledger) -> None:
    with receiving(ledger, limits=Limits(refused_recipients=2)) as receiver:
        line = Line(receiver.smtp)
        line.say(b"EHLO x\r\n")
        line.say(b"MAIL FROM:<>\r\n")

        answers = [line.say(f"RCPT TO:<b-{n}@in.post.example>\r\n".encode()) for n in (7, 8, 9)]

        assert [answer[:3] for answer in answers] == [b"550", b"550", b"421"]
        assert line.read() == b""
        line.close()


def test_a_client_has_only_so_many_connections(ledger: Ledger) -> None:
    with receiving(ledger, limits=Limits(connections_of_client=2)) as receiver:
        lines = [Line(receiver.smtp) for _ in range(3)]

        assert [line.greeting[:3] for line in lines] == [b"220", b"220", b"421"]
        lines[0].say(b"QUIT\r\n")
        lines[0].close()
        wait_until(lambda: Line(receiver.smtp).greeting[:3] == b"220", seconds=5, what="a place is free")
        for line in lines[1:]:
            line.close()


def test_who_says_nothing_is_sent_away(ledger: Ledger) -> None:
    with receiving(ledger, limits=Limits(idle=0.1)) as receiver:
        line = Line(receiver.smtp)

        assert line.read() == b""
        line.close()


def test_a_mail_that_does_not_end_is_not_kept(ledger: Ledger) -> None:
    with receiving(ledger, limits=Limits(body=0.1)) as receiver:
        line = Line(receiver.smtp)
        line.begin()

        assert line.say(b"Subject: x\r\n") == b""
        line.close()
    assert ledger.kept == []


HOSTILE = [
    b"RCPT TO:<" + b"(" * 400 + b">\r\n",
    b'RCPT TO:<"' + b"\\" * 400 + b">\r\n",
    b"RCPT TO:<a@b> X=<>\r\n",
    b"RCPT TO:" + b"<" * 300 + b"\r\n",
    b"RCPT TO:<\xff\xfe@in.post.example>\r\n",
    b"RCPT TO:<>\r\n",
    b"RCPT TO:\r\n",
    b"MAIL FROM:<a@b> SIZE=\xd9\xa1\r\n",
    b"VRFY \xff\r\n",
    b"AUTH PLAIN AHgAeA==\r\n",
    b"EXPN x\r\n",
    b"\xff\xfe\r\n",
    b"\r\n",
    b"x" * 200_000 + b"\r\n",
]


def test_no_command_breaks_the_dialogue(receiver: Receiver, ledger: Ledger) -> None:
    line = Line(receiver.smtp)
    line.say(b"EHLO x\r\n")
    line.say(b"MAIL FROM:<>\r\n")

    answers = [line.say(command) for command in HOSTILE]

    assert {answer[:1] for answer in answers} <= {b"4", b"5"}
    line.say(f"RCPT TO:<@a.example,@b.example:{OURS}>\r\n".encode())
    line.say(b"DATA\r\n")
    assert line.say(REPORT + b".\r\n").startswith(b"250")
    assert [mail.recipients for _, mail in ledger.kept] == [(OURS,)]
    line.close()


def test_a_mail_that_is_just_coming_in_is_answered_before_the_end(receiver: Receiver, ledger: Ledger) -> None:
    ledger.seconds = 0.3
    idle, busy = Line(receiver.smtp), Line(receiver.smtp)
    busy.begin()
    busy.socket.sendall(REPORT)

    receiver.tell_to_stop()

    assert idle.read().startswith(b"421")
    assert busy.say(b".\r\n").startswith(b"250")
    assert busy.read().startswith(b"421")
    assert len(ledger.kept) == 1
    idle.close()
    busy.close()


def test_mails_are_kept_side_by_side(receiver: Receiver, ledger: Ledger) -> None:
    ledger.seconds = 0.2

    def bring() -> None:
        with smtplib.LMTP("127.0.0.1", receiver.lmtp) as client:
            client.sendmail("", [OURS], REPORT)

    took = timed(lambda: together([bring] * 4))

    assert len(ledger.kept) == 4
    assert took < 0.7


def timed(work: Callable[[], None]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def together(works: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_what_is_said_can_be_encrypted(ledger: Ledger, tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("mx.post.example", "127.0.0.1")
    key = tmp_path / "key.pem"
    key.write_bytes(issued.private_key_pem.bytes())
    certificate = Certificate(tmp_path / "chain.pem", key)
    certificate.certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(trusting)

    with receiving(ledger, certificate=certificate) as receiver:
        client = smtplib.SMTP("127.0.0.1", receiver.smtp)
        client.starttls(context=trusting)
        client.ehlo()
        client.sendmail("", [OURS], REPORT)

        assert "auth" not in client.esmtp_features
        client.quit()
    assert len(ledger.kept) == 1
