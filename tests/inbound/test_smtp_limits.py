"""Bound what clients can take of our receiver, and let nothing they say break it."""

from __future__ import annotations

import smtplib
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

import trustme

from newsletter.inbound.dialogue import Limits
from newsletter.inbound.smtp_server import Certificate
from tests.services.ledger import OURS, REPORT, Ledger, Line
from tests.services.ports import wait_until
from tests.services.receiving import Receiver, receiving


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
