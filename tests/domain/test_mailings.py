"""Check the counting of readers, the memory of windows, the moves of messages, and the receipt."""

from __future__ import annotations

import zlib
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain import mailings
from newsletter.domain.errors import Conflict
from newsletter.domain.mailings import (
    BUCKET_SIZE,
    MailingStatus,
    MessageStatus,
    PlannedMessage,
    Receipt,
    WithheldReason,
)

RECEIPT = Receipt(
    planned=21,
    submitted=10,
    withheld={"suppressed": 2, "unsubscribed": 1},
    failed=3,
    deferred=1,
    uncertain=2,
    unclaimed=2,
)
MAILING_MOVES = {
    "running": {"paused", "cancelled", "done"},
    "paused": {"running", "cancelled"},
}


@given(bucket=st.integers(0, 300_000), places=st.sets(st.integers(0, BUCKET_SIZE - 1), max_size=300))
def test_a_bitmap_holds_exactly_its_readers_in_ascending_order(bucket: int, places: set[int]) -> None:
    readers = [bucket * BUCKET_SIZE + place for place in places]

    marks = mailings.bitmap(readers, bucket)

    assert len(marks) == 512
    assert list(mailings.members(marks, bucket)) == sorted(readers)


def test_a_full_bucket_and_an_empty_one_are_bitmaps_too() -> None:
    everybody = range(BUCKET_SIZE * 2, BUCKET_SIZE * 3)

    assert mailings.bitmap(everybody, 2) == b"\xff" * 512
    assert list(mailings.members(b"\xff" * 512, 2)) == list(everybody)
    assert list(mailings.members(mailings.bitmap([], 2), 2)) == []


@pytest.mark.parametrize("stranger", [BUCKET_SIZE * 2 - 1, BUCKET_SIZE * 3])
def test_a_reader_of_another_bucket_has_no_place_in_a_bitmap(stranger: int) -> None:
    with pytest.raises((ValueError, OverflowError)):
        mailings.bitmap([stranger], 2)


HOSTILE = st.text(max_size=20) | st.sampled_from(
    ['"]],[[1', "\\", "\u2028\u202e", "\r\nBcc: eve@example.com", "\0", "𝕬𝖉𝖆 👩‍🚀", "é", "e\u0301"]
)


@given(
    st.lists(
        st.builds(
            PlannedMessage,
            subscriber_id=st.integers(1, 1 << 40),
            picks=st.binary(max_size=20),
            address=HOSTILE,
            name=HOSTILE,
            is_retry=st.booleans(),
            domain_id=st.none(),
            language=st.integers(0, 255),
        ),
        max_size=8,
    )
)
def test_a_window_remembers_each_decision_to_the_letter(messages: list[PlannedMessage]) -> None:
    assert mailings.unpack_window(mailings.pack_window(messages)) == messages


def test_a_window_remembers_languages_and_needs_no_octet_for_them_without_any() -> None:
    plain = [PlannedMessage(n, b"\x03", f"r{n}@example.com", "Zoë") for n in range(3)]
    spoken = [plain[0], plain[1]._replace(language=2), plain[2]._replace(language=1, is_retry=True)]

    assert mailings.unpack_window(mailings.pack_window(spoken)) == spoken
    assert zlib.decompress(mailings.pack_window(plain))[:4] == b"\x03\0\0\0"  # as windows always began


def test_a_full_window_is_small() -> None:
    messages = [
        PlannedMessage(n, (n * 97).to_bytes(12, "big"), f"reader{n}@example.com", "Ana Müller")
        for n in range(mailings.WINDOW_SIZE)
    ]

    assert len(mailings.pack_window(messages)) < 25 * mailings.WINDOW_SIZE


def test_a_receipt_adds_up_when_every_planned_reader_is_somewhere() -> None:
    assert RECEIPT.adds_up
    assert Receipt(planned=0, submitted=0, failed=0, deferred=0, uncertain=0, unclaimed=0).adds_up


@pytest.mark.parametrize(
    "field", ["planned", "submitted", "failed", "deferred", "uncertain", "unclaimed", "unplanned"]
)
@pytest.mark.parametrize("change", [-1, 1])
def test_one_reader_too_many_or_too_few_anywhere_shows(field: str, change: int) -> None:
    wrong = replace(RECEIPT, **{field: getattr(RECEIPT, field) + change})

    assert not wrong.adds_up


def test_a_result_without_a_plan_is_not_hidden_by_one_that_is_missing() -> None:
    assert not replace(RECEIPT, submitted=11, unclaimed=1, unplanned=1).adds_up
    assert not replace(RECEIPT, withheld={"suppressed": 2}).adds_up


def test_a_receipt_is_json_with_the_withheld_by_reason() -> None:
    assert RECEIPT.as_dict() == {
        "planned": 21,
        "submitted": 10,
        "withheld": {"suppressed": 2, "unsubscribed": 1},
        "failed": 3,
        "deferred": 1,
        "uncertain": 2,
        "unclaimed": 2,
    }


@pytest.mark.parametrize(("current", "target"), list(product(MailingStatus, repeat=2)))
def test_a_mailing_moves_as_the_table_says(current: MailingStatus, target: MailingStatus) -> None:
    if target in MAILING_MOVES.get(current, set()):
        assert mailings.move_mailing(current, target) is target
        return

    with pytest.raises(Conflict):
        mailings.move_mailing(current, target)


@pytest.mark.parametrize(("current", "told"), list(product(MessageStatus, repeat=2)))
def test_a_further_attempt_changes_only_what_is_open_and_only_a_250_ends_a_doubt(
    current: MessageStatus, told: MessageStatus
) -> None:
    is_open = current is MessageStatus.DEFERRED and told is not MessageStatus.BOUNCED
    is_resolved = current is MessageStatus.UNCERTAIN and told is MessageStatus.SUBMITTED

    comes_back = current is MessageStatus.SUBMITTED and told is MessageStatus.BOUNCED

    found = mailings.resolve(current, told)

    assert found is (told if is_open or is_resolved or comes_back else current)


def test_a_reason_to_withhold_is_never_taken_for_an_smtp_code() -> None:
    assert max(WithheldReason) < 200
