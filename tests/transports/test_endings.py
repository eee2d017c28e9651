"""Whatever a relay says, and wherever it stops, each message has one defined end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain.outcomes import SmtpReply
from newsletter.transports.base import Envelope, Submission, Verdict
from newsletter.transports.smtp.dialogue import Dialogue
from newsletter.transports.smtp.faults import RelayFault
from newsletter.transports.smtp.offer import Offer
from newsletter.transports.smtp.relay import Relay

RELAY = Relay(host="relay.example", port=25)
OK, GO = b"250 2.1.0 ok\r\n", b"354 go ahead\r\n"
AGAIN = "again"  # tried once more on a new connection


class Desk:
    """Give two messages, A and B, and write down what is told of them."""

    is_open = True

    def __init__(self) -> None:
        self.left = [message("B")]
        self.told: dict[str, str] = {}
        self.codes: dict[str, int] = {}
        self.fault = ""
        self.has_lied = False

    def take(self) -> Submission | None:
        return self.left.pop() if self.left else None

    def begin(self, _submission: Submission) -> bool:
        return True

    def ended(self, submission: Submission, verdict: Verdict, reply: SmtpReply | None) -> None:
        assert submission.tag not in self.told, "it ended twice"
        self.told[submission.tag] = verdict.name.lower()
        unspoken = 250 if verdict is Verdict.ACCEPTED else 0  # no reply comes with a plain 250
        self.codes[submission.tag] = reply.code if reply else unspoken

    def again(self, submission: Submission, *, is_second: bool) -> None:
        assert submission.tag not in self.told, "it ended twice"
        self.told[submission.tag] = AGAIN

    def proved(self) -> None:
        pass

    def failed(self, fault: RelayFault) -> None:
        self.fault = str(fault)

    def lies(self) -> None:
        self.has_lied = True


def message(tag: str) -> Submission:
    return Submission(
        Envelope("news@post.example.com", f"{tag.lower()}@reader.example"),
        b"Subject: " + tag.encode() + b"\r\n\r\nHello.\r\n",
        is_prepared=True,
        tag=tag,
    )


def begun(*, has_pipelining: bool = True) -> tuple[Dialogue, Desk]:
    """Open a connection for A: its envelope is out."""
    desk = Desk()
    dialogue = Dialogue(RELAY, desk, first=message("A"))
    dialogue.open(Offer(has_pipelining=has_pipelining), pipelines=True)
    write(dialogue)
    return dialogue, desk


def write(dialogue: Dialogue) -> bytes:
    """Let everything out that wants to go."""
    octets = b"".join(dialogue.outgoing)
    dialogue.wrote(dialogue.unsent)
    return octets


def under_way() -> tuple[Dialogue, Desk]:
    """Have the body of A out and the envelope of B behind it."""
    dialogue, desk = begun()
    dialogue.receive(OK + OK + GO)
    octets = write(dialogue)
    assert octets.startswith(b"Subject: A")
    assert b"\r\n.\r\nMAIL FROM:" in octets
    return dialogue, desk


def whole(dialogue: Dialogue, octets: bytes) -> None:
    dialogue.receive(octets)


def octet_by_octet(dialogue: Dialogue, octets: bytes) -> None:
    for place in range(len(octets)):
        if dialogue.is_over:
            return
        dialogue.receive(octets[place : place + 1])
        write(dialogue)


ENVELOPE = [
    ("taken", OK + OK + GO, {}),
    ("refused for good", OK + b"550 5.1.1 nobody\r\n554 none\r\n", {"A": "refused"}),
    ("refused in two lines", OK + b"550-5.1.1 no\r\n550 5.1.1 body\r\n554 none\r\n", {"A": "refused"}),
    ("refused for now", OK + b"450 4.2.0 later\r\n554 none\r\n", {"A": "deferred"}),
    ("sender refused for now", b"451 4.3.0 later\r\n503 no\r\n503 no\r\n", {"A": "deferred"}),
    ("sender refused for good", b"550 5.7.1 not you\r\n503 no\r\n503 no\r\n", {"A": "untried"}),
    ("too large", b"552 5.3.4 too large\r\n503 no\r\n503 no\r\n", {"A": "refused"}),
    ("DATA refused", OK + OK + b"451 4.3.0 later\r\n", {"A": "deferred"}),
    ("DATA refused for good", OK + OK + b"554 5.6.0 no\r\n", {"A": "refused"}),
    ("closing at MAIL", b"421 4.3.2 bye\r\n", {"A": AGAIN}),
    ("closing at RCPT", OK + b"421 4.3.2 bye\r\n", {"A": "deferred"}),
    ("nonsense", b"hello\r\n", {"A": AGAIN}),
    ("another protocol", b"HTTP/1.1 400 Bad Request\r\n", {"A": AGAIN}),
]


@pytest.mark.parametrize("receive", [whole, octet_by_octet])
@pytest.mark.parametrize(("said", "ends"), [row[1:] for row in ENVELOPE], ids=[row[0] for row in ENVELOPE])
def test_the_answer_to_an_envelope_decides(
    receive: Callable[[Dialogue, bytes], None], said: bytes, ends: dict[str, str]
) -> None:
    dialogue, desk = begun()

    receive(dialogue, said)

    told = {tag: verdict for tag, verdict in desk.told.items() if tag == "A"}
    assert told == ends
    assert bool(desk.fault) == (ends.get("A") == "untried")


DOT = [
    ("taken", b"250 2.0.0 kept\r\n", "accepted", None),
    ("taken in two lines", b"250-2.0.0 kept\r\n250 2.0.0 as 1F\r\n", "accepted", None),
    ("refused for now", b"451 4.3.0 later\r\n", "deferred", None),
    ("refused for good", b"554 5.7.1 spam\r\n", "refused", None),
    ("closing", b"421 4.3.2 bye\r\n", "deferred", "untried"),
    ("nonsense", b"whatever\r\n", "uncertain", AGAIN),
    ("an answer to nothing", b"354 go ahead\r\n", "uncertain", AGAIN),
]


@pytest.mark.parametrize("receive", [whole, octet_by_octet])
@pytest.mark.parametrize(("said", "first", "second"), [row[1:] for row in DOT], ids=[row[0] for row in DOT])
def test_the_answer_to_the_final_dot_decides(
    receive: Callable[[Dialogue, bytes], None], said: bytes, first: str, second: str | None
) -> None:
    dialogue, desk = under_way()

    receive(dialogue, said)

    assert desk.told.get("A") == first
    assert desk.told.get("B") == second


def test_a_connection_lost_behind_the_dot_leaves_the_message_in_doubt() -> None:
    dialogue, desk = under_way()

    dialogue.lost("closed the connection")

    assert desk.told == {"A": "uncertain", "B": AGAIN}


@pytest.mark.parametrize("left", [1, 3, 40])
def test_a_connection_lost_before_the_dot_is_out_defers_the_message(left: int) -> None:
    dialogue, desk = begun()
    dialogue.receive(OK + OK + GO)
    body = len(b"Subject: A\r\n\r\nHello.\r\n.\r\n")

    dialogue.wrote(max(0, body - left))
    dialogue.lost("closed the connection")

    assert desk.told == {"A": "deferred", "B": AGAIN}


def test_a_connection_lost_when_only_the_next_envelope_is_not_out_leaves_it_in_doubt() -> None:
    dialogue, desk = begun()
    dialogue.receive(OK + OK + GO)

    dialogue.wrote(len(b"Subject: A\r\n\r\nHello.\r\n.\r\n"))
    dialogue.lost("closed the connection")

    assert desk.told["A"] == "uncertain"


def test_silence_behind_the_dot_is_a_lost_connection_after_ten_minutes() -> None:
    dialogue, desk = begun(has_pipelining=False)
    for said in (OK, OK, GO):
        dialogue.receive(said)
        write(dialogue)

    assert dialogue.allowance == 600
    dialogue.timed_out()

    assert desk.told["A"] == "uncertain"


def test_a_relay_that_answers_a_part_of_a_group_and_is_silent_is_found_out() -> None:
    dialogue, desk = begun()
    dialogue.receive(OK)

    assert dialogue.allowance == RELAY.patience
    dialogue.timed_out()

    assert desk.has_lied
    assert desk.told == {"A": AGAIN}


def test_without_pipelining_each_command_waits_for_its_answer() -> None:
    dialogue, desk = begun(has_pipelining=False)
    heard = []
    for said in (OK, OK, GO, OK):
        dialogue.receive(said)
        heard.append(write(dialogue))

    assert [octets.split(b" ")[0].split(b"\r\n")[0] for octets in heard] == [
        b"RCPT",
        b"DATA",
        b"Subject:",
        b"MAIL",
    ]
    assert desk.told == {"A": "accepted"}


@pytest.mark.parametrize("answer", [b"450 4.2.0 later\r\n", b"550 5.1.1 nobody\r\n"])
def test_a_go_ahead_for_nobody_gets_a_lone_dot(answer: bytes) -> None:
    dialogue, desk = begun()

    dialogue.receive(OK + answer + GO)

    assert write(dialogue) == b".\r\n"
    dialogue.receive(b"554 no valid recipients\r\n")
    assert write(dialogue).startswith(b"MAIL FROM:")
    assert desk.told.keys() == {"A"}


def test_a_withdrawn_message_whose_data_was_accepted_gets_no_dot() -> None:
    dialogue, desk = under_way()

    dialogue.withdraw()
    dialogue.receive(OK + OK + OK + GO)

    assert write(dialogue) == b""
    assert dialogue.is_over
    assert desk.told == {"A": "accepted", "B": "untried"}


SAID = [
    OK + OK + OK + GO,
    b"250-2.0.0 kept\r\n250 2.0.0 as 1F\r\n" + OK + b"550 5.1.1 nobody\r\n554 none\r\n",
    b"451 4.3.0 later\r\n" + OK + b"450-4.2.0 not\r\n450 4.2.0 now\r\n" + GO,
    b"554 5.7.1 spam\r\n" + b"451 4.3.0 no\r\n503 no\r\n503 no\r\n",
    b"421 4.3.2 bye\r\n",
    OK + OK + b"421 4.3.2 bye\r\n",
]


@given(st.sampled_from(SAID), st.lists(st.integers(0, 120), max_size=12))
def test_how_an_answer_is_cut_into_pieces_changes_nothing(said: bytes, cuts: Sequence[int]) -> None:
    plain, expected = under_way()
    plain.receive(said)

    cut, desk = under_way()
    places = sorted({0, *(place for place in cuts if place < len(said)), len(said)})
    for start, end in pairwise(places):
        if not cut.is_over:
            cut.receive(said[start:end])

    assert (desk.told, desk.codes) == (expected.told, expected.codes)
    assert cut.is_over == plain.is_over
