"""Check when hubs are asked, and what of theirs is believed."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta

import pytest

from newsletter.domain import websub
from newsletter.domain.websub import HubState
from tests.clocks import NOON

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("asked_ago", "until_in", "is_due"),
    [
        (None, None, True),
        (5 * HOUR, None, False),
        (6 * HOUR, None, True),
        (DAY, 9 * DAY, False),
        (9 * DAY, DAY, True),
        (2 * HOUR, 40 * timedelta(minutes=1), True),  # a short lease: its last quarter
        (2 * HOUR, HOUR, False),
        (30 * timedelta(minutes=1), timedelta(minutes=1), False),  # asked again an hour ago at least
        (DAY, -HOUR, True),
        (HOUR, -HOUR, False),
    ],
)
def test_a_hub_is_asked_anew_before_its_lease_ends(
    asked_ago: timedelta | None, until_in: timedelta | None, is_due: bool
) -> None:
    state = HubState(
        asked_at=None if asked_ago is None else NOON - asked_ago,
        until=None if until_in is None else NOON + until_in,
    )

    assert websub.is_due(state, now=NOON) is is_due


@pytest.mark.parametrize(
    ("text", "granted"),
    [
        ("86400", DAY),
        ("", 10 * DAY),
        ("soon", 10 * DAY),
        ("-5", 10 * DAY),
        ("1", HOUR / 12),
        ("9" * 99, 90 * DAY),
    ],
)
def test_a_lease_is_bounded(text: str, granted: timedelta) -> None:
    assert websub.lease(text) == granted


@pytest.mark.parametrize("method", ["sha1", "sha256", "sha384", "sha512"])
def test_a_signature_fits_its_secret_and_body_alone(method: str) -> None:
    digits = hmac.new(b"secret", b"body", getattr(hashlib, method)).hexdigest()

    assert websub.is_signed(f"{method}={digits}", b"body", "secret")
    assert not websub.is_signed(f"{method}={digits}", b"other", "secret")
    assert not websub.is_signed(f"{method}={digits}", b"body", "other")
    assert not websub.is_signed(f"{method}={digits[:-1]}", b"body", "secret")


@pytest.mark.parametrize("header", ["", "sha256", "sha256=", "md5=0", "=", "sha256=ä", "SHA256"])
def test_what_is_no_signature_fits_nothing(header: str) -> None:
    assert not websub.is_signed(header, b"body", "secret")
