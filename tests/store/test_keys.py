"""Keys sign, rotate and stay."""

from __future__ import annotations

from datetime import timedelta

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


def test_a_replaced_return_path_key_is_retired_after_sixty_days(session: Session, clock: FixedClock) -> None:
    keys.rotate(session, KeyPurpose.RETURN_PATH, now=clock.now())
    keys.rotate(session, KeyPurpose.LINKS, now=clock.now())

    early = keys.retire_old(session, now=clock.now() + timedelta(days=59))
    late = [keys.retire_old(session, now=clock.now() + timedelta(days=60)) for _ in range(2)]

    assert (early, late) == (0, [1, 0])
    assert set(keys.ring(session, KeyPurpose.RETURN_PATH).keys) == {2}
    assert set(keys.ring(session, KeyPurpose.LINKS).keys) == {1, 2}


def test_what_recognises_our_tokens_verifies_each_kind_with_its_own_keys(session: Session) -> None:
    paths = keys.return_paths(session, inbound_domain="b.post.example", message_domain="news.post.example")

    assert paths.links == keys.ring(session, KeyPurpose.LINKS)
    assert paths.return_path == keys.ring(session, KeyPurpose.RETURN_PATH)
