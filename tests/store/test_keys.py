"""Keys sign, rotate and stay."""

from __future__ import annotations

import pytest

from newsletter.domain.errors import Conflict
from newsletter.store import Session, keys
from newsletter.store.tables import KeyPurpose
from tests.clocks import FixedClock


def test_a_rotated_key_signs_and_the_older_one_still_verifies(session: Session, clock: FixedClock) -> None:
    before = keys.ring(session, KeyPurpose.LINKS)

    number = keys.rotate(session, KeyPurpose.LINKS, now=clock.now())

    after = keys.ring(session, KeyPurpose.LINKS)
    assert after.newest == number == before.newest + 1
    assert after.keys[before.newest] == before.keys[before.newest]


def test_keys_of_links_are_never_retired(session: Session, clock: FixedClock) -> None:
    keys.rotate(session, KeyPurpose.LINKS, now=clock.now())

    with pytest.raises(Conflict, match="never retired"):
        keys.retire(session, KeyPurpose.LINKS, 1, now=clock.now())


def test_a_retired_return_path_key_verifies_nothing(session: Session, clock: FixedClock) -> None:
    keys.rotate(session, KeyPurpose.RETURN_PATH, now=clock.now())

    keys.retire(session, KeyPurpose.RETURN_PATH, 1, now=clock.now())

    assert set(keys.ring(session, KeyPurpose.RETURN_PATH).keys) == {2}


def test_the_key_that_signs_cannot_be_retired(session: Session, clock: FixedClock) -> None:
    with pytest.raises(Conflict, match="cannot be retired"):
        keys.retire(session, KeyPurpose.RETURN_PATH, 1, now=clock.now())


def test_making_missing_keys_twice_makes_them_once(session: Session, clock: FixedClock) -> None:
    assert keys.create_missing(session, now=clock.now()) == []
