"""Reading JSON that may hold anything: instants, messages of ours, codes, and texts for a database."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain.tokens import Delivery
from newsletter.mime import identity
from newsletter.providers import fields
from newsletter.providers.base import Unreadable
from newsletter.providers.fields import Fields

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("found", "at"),
    [
        (1795521600, NOON),
        (1795521600.25, NOON.replace(microsecond=250_000)),
        ("1795521600", NOON),
        ("1795521600.25", NOON.replace(microsecond=250_000)),
        (1795521600000, NOON),
        ("1795521600000", NOON),
        ("2026-11-24T12:00:00Z", NOON),
        ("2026-11-24T12:00:00.000Z", NOON),
        ("2026-11-24T07:00:00.0000001-05:00", NOON),
        ("2026-11-24 12:00:00.000+00", NOON),
        ("2026-11-24T12:00:00", NOON),
        (None, None),
        (True, None),
        ("", None),
        ("soon", None),
        (-1e300, None),
        (float("inf"), None),
        (float("nan"), None),
        (10**400, None),
        ("9" * 20, None),
        ("9999-12-31T23:59:59-12:00", None),
        ([], None),
    ],
)
def test_an_instant_is_read_in_every_form(found: object, at: datetime | None) -> None:
    assert fields.read_instant(found) == at


@given(st.integers(0, 2**24 - 1), st.integers(0, 2**40 - 1))
def test_what_our_header_says_is_read_back(mailing_id: int, subscriber_id: int) -> None:
    text = identity.delivery(mailing_id, subscriber_id).decode()

    assert fields.read_delivery(text) == Delivery(mailing_id, subscriber_id)


@pytest.mark.parametrize(
    "text", ["", "7", "7-", "-1-2", "7-4711-1", "7-４７", "16777216-1", "7-1099511627776", "a-b"]
)
def test_nothing_else_names_a_message(text: str) -> None:
    assert fields.read_delivery(text) is None


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        ("550 5.1.1 no such user", "5.1.1", 550),
        ("smtp; 550-5.1.1 no such user", "5.1.1", 550),
        ("smtp;421 4.7.0 later", "4.7.0", 421),
        ("5.7.26 refused", "5.7.26", None),
        ("host 192.0.2.1 said: 550", "", None),
        ("5.1.1.1 is no code, and 15.1.1 neither", "", None),
        ("550x", "", None),
        ("605 not tried", "", None),
    ],
)
def test_codes_are_found_where_they_stand(text: str, status: str, code: int | None) -> None:
    assert (fields.status(text), fields.reply_code(text)) == (status, code)


def test_a_text_is_one_line_that_any_database_takes() -> None:
    found = Fields(
        {"a": "no\0 bells\x07\r\nor half \ud83d characters", "b": "x" * 900, "c": 7, "d": True, "e": 10**30}
    )

    assert found.text("a") == "no bells or half characters"
    assert len(found.text("b")) == 500
    assert [found.text(name) for name in "cdef"] == ["7", "", "", ""]


def test_the_first_field_that_is_there_counts() -> None:
    found = Fields({"a": "", "b": None, "c": "here", "d": "too late"})

    assert found.text("a", "b", "c", "d") == "here"


def test_events_are_numbered_and_those_that_are_none_are_said_to_be_none() -> None:
    told = list(fields.entries(b'[{"a": 1}, [], {"a": 2}]'))

    assert [item if isinstance(item, Unreadable) else item[0] for item in told] == [
        0,
        Unreadable(1, "The event is no JSON object."),
        2,
    ]
