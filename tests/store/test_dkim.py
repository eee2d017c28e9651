"""Of each domain one key signs; the others are kept."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter.domain.errors import Conflict, NotFound
from newsletter.store import Session, dkim
from newsletter.store.tables import DkimKey
from tests.clocks import NOON

LATER = NOON + timedelta(days=90)


def added(session: Session, domain: str, selector: str, *, active: bool = False) -> DkimKey:
    key = dkim.add(session, domain, selector, private_key=b"der", now=NOON)
    if active:
        dkim.activate(session, key, now=NOON)
    return key


def test_a_new_key_signs_nothing_until_it_is_activated(session: Session) -> None:
    key = added(session, "example.com", "n1")
    before = dkim.signing_key(session, "example.com")

    dkim.activate(session, key, now=NOON)

    assert before is None
    assert dkim.signing_key(session, "example.com") is key


def test_a_selector_is_given_once(session: Session) -> None:
    added(session, "example.com", "n1")
    added(session, "example.org", "n1")

    with pytest.raises(Conflict, match="already"):
        added(session, "example.com", "n1")


def test_a_key_that_takes_over_retires_the_one_before(session: Session) -> None:
    old = added(session, "example.com", "n1", active=True)
    elsewhere = added(session, "example.org", "n1", active=True)
    new = added(session, "example.com", "n2")

    replaced = dkim.activate(session, new, now=LATER)

    assert replaced == [old]
    assert old.retired_at == LATER
    assert dkim.signing_key(session, "example.com") is new
    assert dkim.signing_key(session, "example.org") is elsewhere


def test_activating_twice_changes_nothing(session: Session) -> None:
    key = added(session, "example.com", "n1", active=True)

    assert dkim.activate(session, key, now=LATER) == []
    assert key.activated_at == NOON


def test_a_retired_key_can_come_back(session: Session) -> None:
    old = added(session, "example.com", "n1", active=True)
    new = added(session, "example.com", "n2", active=True)

    dkim.activate(session, old, now=LATER)

    assert dkim.signing_key(session, "example.com") is old
    assert new.retired_at == LATER


def test_a_key_that_does_not_sign_cannot_be_retired(session: Session) -> None:
    key = added(session, "example.com", "n1", active=True)
    dkim.retire(session, key, now=LATER)

    with pytest.raises(Conflict, match="does not sign"):
        dkim.retire(session, key, now=LATER)
    with pytest.raises(Conflict, match="does not sign"):
        dkim.retire(session, added(session, "example.com", "n2"), now=LATER)


def test_the_nearest_domain_signs(session: Session) -> None:
    parent = added(session, "example.com", "n1", active=True)
    own = added(session, "post.example.com", "n1", active=True)

    assert dkim.signing_key(session, "news.post.example.com") is own
    assert dkim.signing_key(session, "other.example.com") is parent
    assert dkim.signing_key(session, "example.com") is parent
    assert dkim.signing_key(session, "example.org") is None
    assert dkim.signing_key(session, "badexample.com") is None


def test_the_parent_signs_again_when_the_domains_own_key_is_retired(session: Session) -> None:
    parent = added(session, "example.com", "n1", active=True)
    own = added(session, "post.example.com", "n1", active=True)

    dkim.retire(session, own, now=LATER)

    assert dkim.signing_key(session, "post.example.com") is parent
    assert dkim.of_signing_domains(session, "post.example.com") == [parent, own]


def test_a_key_that_is_not_there_is_told_with_what_to_do(session: Session) -> None:
    with pytest.raises(NotFound) as missing:
        dkim.get(session, "example.com", "n1")

    assert "newsletter dkim list" in missing.value.hint
