"""The faulty server does what it is told to, and its evidence can be trusted."""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.services.faults import Fault, Odds, Stage, everywhere, read_chances, write_chances
from tests.services.witness import Evidence, FaultyServer, Trouble

MESSAGE = (
    "Message-ID: <{id}@post.example.com>\r\nTo: <{reader}>\r\nMIME-Version: 1.0\r\n"
    'Content-Type: multipart/alternative; boundary="b"\r\n\r\n'
    "--b\r\nContent-Type: text/plain\r\n\r\nGood morning\r\n..\r\n"
    "--b\r\nContent-Type: text/html\r\n\r\n<p>Good morning</p>\r\n--b--\r\n"
)
Send = Callable[..., int]


@contextmanager
def serving(tmp_path: Path, *chances: str) -> Iterator[tuple[Send, Callable[[], Evidence]]]:
    trouble = Trouble(chances=read_chances(chances), slow=0.1, silence=60)
    server = FaultyServer(tmp_path, trouble)

    def send(reader: str, *, number: str = "1", message: str = MESSAGE) -> int:
        """Return the code of the answer; 0 when there is none."""
        with suppress(smtplib.SMTPServerDisconnected, TimeoutError):
            try:
                with smtplib.SMTP("127.0.0.1", server.port, timeout=1) as client:
                    text = message.format(id=number, reader=reader)
                    client.sendmail("b-1@in.example.com", [reader], text.encode())
                    return 250
            except smtplib.SMTPRecipientsRefused as error:
                return next(iter(error.recipients.values()))[0]
            except smtplib.SMTPResponseException as error:
                return max(0, error.smtp_code)
        return 0

    try:
        yield send, server.stop
    finally:
        server.close()


def test_a_good_server_takes_every_message_once(tmp_path: Path) -> None:
    with serving(tmp_path) as (send, stop):
        assert [send(f"r{n}@reader.example", number=str(n)) for n in range(3)] == [250] * 3
        seen = stop()

    assert seen.received == {f"r{n}@reader.example": 1 for n in range(3)}
    assert len(seen.answered) == 3
    assert (seen.complaints(), seen.drops_after_dot, seen.refused, seen.connection_count) == (
        [],
        0,
        frozenset(),
        3,
    )


@pytest.mark.parametrize(
    ("chance", "code"),
    [
        *((f"{stage}:4xx=1", 450) for stage in ("banner", "mail", "rcpt", "data", "body", "dot")),
        *((f"{stage}:5xx=1", 550) for stage in ("rcpt", "data", "dot")),
        *((f"{stage}:421=1", 421) for stage in ("mail", "rcpt", "data", "dot")),
        *((f"{stage}:{fault}=1", 250) for stage in ("ehlo", "rcpt", "dot") for fault in ("split", "slow")),
        *((f"{stage}:{fault}=1", 0) for stage in ("mail", "body", "dot") for fault in ("drop", "silence")),
    ],
)
def test_a_client_sees_each_fault(chance: str, code: int, tmp_path: Path) -> None:
    with serving(tmp_path, chance) as (send, stop):
        assert send("ana@reader.example") == code
        seen = stop()

    assert len(seen.answered) == (code == 250)
    assert (seen.drops_after_dot == 1) == (chance in {"dot:drop=1", "dot:silence=1"})
    assert bool(seen.refused) == (code == 550)
    if code >= 400:
        assert not seen.received


def test_complaints_name_what_is_wrong(tmp_path: Path) -> None:
    with serving(tmp_path) as (send, stop):
        send("ana@reader.example")
        send("ben@reader.example", message=MESSAGE.replace("{reader}", "ana@reader.example"), number="2")
        send("cid@reader.example", message=MESSAGE.replace("<p>", "<P>"))
        seen = stop()

    assert sorted(seen.complaints()) == [
        "['ana@reader.example', 'cid@reader.example']: copies differ",
        "['ana@reader.example', 'cid@reader.example']: one Message-ID",
        "ben@reader.example: To is somebody else",
    ]


def test_a_reader_refused_for_good_stays_refused_and_other_faults_clear() -> None:
    odds = Odds(7, everywhere(0.05))
    drawn = {
        name: [odds.draw(Stage.RCPT, name, attempt) for attempt in range(1, 40)]
        for name in map(str, range(200))
    }

    refused = [faults for faults in drawn.values() if Fault.PERMANENT in faults]
    assert refused
    assert all(set(faults) == {Fault.PERMANENT} for faults in refused)
    assert all(None in faults for faults in drawn.values() if faults not in refused)
    assert drawn["3"] == [Odds(7, everywhere(0.05)).draw(Stage.RCPT, "3", n) for n in range(1, 40)]


def test_chances_are_written_as_they_are_read() -> None:
    chances = read_chances(["all=0.25", "dot:drop=0.5", "quit:5xx=0"])

    assert read_chances(write_chances(chances)) == {key: chance for key, chance in chances.items() if chance}
    assert chances[Stage.DOT, Fault.DROP] == 0.5
