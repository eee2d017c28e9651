"""State what every provider must do; each provider's test class inherits this."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.domain.errors import InvalidInput
from newsletter.domain.outcomes import OutcomeKind
from newsletter.domain.tokens import Delivery
from newsletter.providers.base import Call, EventFeed, FeedNotice, Found, ProviderEvent, Unreadable
from tests.clocks import NOON

FIXTURES = Path(__file__).parent / "fixtures"
OURS = Delivery(7, 4711)
SUPPRESSED = ("suppressed", "provider_suppressed", "provider_suppressed", False, True)

_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=[]), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def load(provider: str) -> dict[str, Any]:
    """Return the bodies of a provider by name."""
    found: dict[str, Any] = json.loads((FIXTURES / f"{provider}.json").read_bytes())
    return found


class EventFeedContract:
    """Authentication, repetition, rotation, unknown things, batches and garbage."""

    provider: ClassVar[str]
    good: ClassVar[str] = "no mailbox"  # a fixture that every provider has
    signs_body: ClassVar[bool] = True
    signs_time: ClassVar[timedelta | None] = timedelta(hours=25)  # how old a call may be; None: of any age
    takes_many: ClassVar[bool] = True
    names_delivery: ClassVar[bool] = True

    @pytest.fixture
    def feed(self) -> EventFeed:
        """Return what is tested."""
        raise NotImplementedError

    @pytest.fixture
    def secrets(self) -> list[str]:
        """Return two secrets that are good at the same time."""
        raise NotImplementedError

    def call(self, found: object, secret: str, *, at: datetime = NOON) -> Call:
        """Return a fixture, or several in a list, as the provider would post it."""
        raise NotImplementedError

    def tampered(self, call: Call) -> Call:
        """Return the call with another body under the same signature."""
        return Call(call.headers, call.body.replace(b"ada@example.com", b"bob@example.com"))

    def refused(self, feed: EventFeed, call: Call, secrets: list[str], *, now: datetime = NOON) -> bool:
        """Say whether a call proves nothing."""
        try:
            feed.authenticate(call, secrets, now=now)
        except InvalidInput:
            return True
        return False

    def read(self, feed: EventFeed, call: Call) -> list[Found]:
        """Return all that a call tells."""
        return list(feed.events(call.body, call.headers))

    def test_a_good_call_is_taken_and_told(self, feed: EventFeed, secrets: list[str]) -> None:
        call = self.call(load(self.provider)[self.good], secrets[0])

        name = feed.authenticate(call, secrets, now=NOON)
        [event] = self.read(feed, call)

        assert name
        assert isinstance(event, ProviderEvent)
        assert (event.kind, event.recipient) == (OutcomeKind.BOUNCED, "ada@example.com")
        assert event.delivery == (OURS if self.names_delivery else None)
        assert event.at is not None
        assert event.at.utcoffset() == timedelta(0)
        assert NOON - timedelta(minutes=3) < event.at <= NOON
        assert event.event_key.startswith(f"{self.provider}:")

    def test_a_repetition_has_the_same_names(self, feed: EventFeed, secrets: list[str]) -> None:
        call = self.call(load(self.provider)[self.good], secrets[0])

        names = {feed.authenticate(call, secrets, now=NOON) for _ in range(2)}
        keys = {event.event_key for _ in range(2) for event in events(self.read(feed, call))}

        assert (len(names), len(keys)) == (1, 1)

    def test_events_have_keys_of_their_own(self, feed: EventFeed, secrets: list[str]) -> None:
        told = [
            event
            for found in load(self.provider).values()
            for event in events(self.read(feed, self.call(found, secrets[0])))
        ]

        assert len({event.event_key for event in told}) == len(told)
        assert all(len(event.event_key) <= 60 for event in told)

    def test_a_forged_call_is_refused(self, feed: EventFeed, secrets: list[str]) -> None:
        mine, foreign = secrets
        call = self.call(load(self.provider)[self.good], foreign)

        assert self.refused(feed, call, [mine])
        assert self.refused(feed, Call({}, b"{}"), secrets)
        assert self.refused(feed, Call({}, b""), secrets)

    def test_without_a_secret_nothing_is_taken(self, feed: EventFeed, secrets: list[str]) -> None:
        assert self.refused(feed, self.call(load(self.provider)[self.good], secrets[0]), [])

    def test_another_body_under_the_same_signature(self, feed: EventFeed, secrets: list[str]) -> None:
        call = self.call(load(self.provider)[self.good], secrets[0])

        assert self.refused(feed, self.tampered(call), secrets) is self.signs_body

    def test_an_old_call_is_refused_and_one_from_the_future(
        self, feed: EventFeed, secrets: list[str]
    ) -> None:
        found = load(self.provider)[self.good]
        if self.signs_time is None:
            assert not self.refused(feed, self.call(found, secrets[0], at=NOON - timedelta(days=9)), secrets)
            return
        for at, is_refused in [
            (NOON - self.signs_time - timedelta(minutes=1), True),
            (NOON - self.signs_time + timedelta(minutes=1), False),
            (NOON + timedelta(minutes=4), False),
            (NOON + timedelta(minutes=6), True),
        ]:
            assert self.refused(feed, self.call(found, secrets[0], at=at), secrets) is is_refused

    def test_while_a_secret_is_replaced_both_are_good(self, feed: EventFeed, secrets: list[str]) -> None:
        old, new = secrets
        calls = [self.call(load(self.provider)[self.good], secret) for secret in secrets]

        assert [self.refused(feed, call, [old, new]) for call in calls] == [False, False]
        assert [self.refused(feed, call, [new]) for call in calls] == [True, False]

    def test_a_secret_of_no_use_is_told_to_the_operator(self, feed: EventFeed, secrets: list[str]) -> None:
        for secret in secrets:
            feed.check(secret)
        for secret in ("", "short", "é" * 40, "a\nb" * 20):
            with pytest.raises(InvalidInput, match=r"\w"):
                feed.check(secret)

    def test_an_unknown_event_is_told_as_such(self, feed: EventFeed, secrets: list[str]) -> None:
        [event] = self.read(feed, self.call(load(self.provider)["never heard of"], secrets[0]))

        assert isinstance(event, ProviderEvent)
        assert (event.kind, event.recipient) == (OutcomeKind.UNKNOWN, "ada@example.com")
        assert event.name

    def test_unknown_fields_change_nothing(self, feed: EventFeed, secrets: list[str]) -> None:
        found = load(self.provider)[self.good]

        [plain] = events(self.read(feed, self.call(found, secrets[0])))
        [more] = events(self.read(feed, self.call(_with_more(found), secrets[0])))

        assert replace(more, event_key="") == replace(plain, event_key="")  # some keys come from the call

    def test_one_bad_event_does_not_lose_the_others(self, feed: EventFeed, secrets: list[str]) -> None:
        if not self.takes_many:
            pytest.skip("The provider tells one event a call.")
        bodies = load(self.provider)
        found = self.read(feed, self.call([bodies[self.good], 17, bodies["delivered"]], secrets[0]))

        first, bad, last = found
        assert isinstance(first, ProviderEvent)
        assert isinstance(last, ProviderEvent)
        assert isinstance(bad, Unreadable)
        assert bad.position == 1
        assert (first.kind, last.kind) == (OutcomeKind.BOUNCED, OutcomeKind.DELIVERED)

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"not json",
            b"\xff\xfe\x00",
            b'{"a": ',
            b"[" * 100_000,
            b'{"a":' * 100_000,
            b"17",
            b'"text"',
            b"null",
            b"[[], 1, null]",
            b"9" * 5000,
        ],
        ids=range(11),
    )
    def test_what_is_no_event_is_said_to_be_none(
        self, feed: EventFeed, secrets: list[str], body: bytes
    ) -> None:
        found = list(feed.events(body, {}))

        assert found
        assert all(isinstance(item, Unreadable) for item in found)
        if self.signs_body or self.signs_time:
            assert self.refused(feed, Call({}, body), secrets)

    def test_a_flood_of_events_is_cut(self, feed: EventFeed) -> None:
        count = sum(1 for _ in feed.events(b"[" + b"1," * 70_000 + b"1]", {}))

        assert count <= 50_001

    def test_whatever_stands_in_a_body_nothing_breaks(self, feed: EventFeed, secrets: list[str]) -> None:
        @settings(max_examples=60)
        @given(st.data())
        def check(data: st.DataObject) -> None:
            found = data.draw(st.sampled_from(list(load(self.provider).values())))
            call = self.call(_changed(data, copy.deepcopy(found)), secrets[0])
            for item in self.read(feed, call):
                assert isinstance(item, ProviderEvent | Unreadable | FeedNotice)
                if isinstance(item, ProviderEvent):
                    _assert_storable(item)
            self.refused(feed, call, secrets)

        check()


def events(found: list[Found]) -> Iterator[ProviderEvent]:
    """Yield the events of what was told."""
    return (item for item in found if isinstance(item, ProviderEvent))


def verdict(event: Found) -> tuple[str, str, str, bool, bool]:
    """Return what an event comes to."""
    assert isinstance(event, ProviderEvent)
    return event.kind.value, event.reason, event.category, event.is_hard, event.is_final


def _assert_storable(event: ProviderEvent) -> None:
    texts = [
        event.event_key,
        event.name,
        event.recipient,
        event.message_id,
        event.provider_message_id,
        event.reason,
        event.category,
        event.status,
        event.text,
    ]
    assert all(text.isprintable() and len(text) <= 2000 for text in texts)
    assert max(len(event.reason), len(event.category)) <= 40
    assert len(event.status) <= 12
    assert event.at is None or event.at.tzinfo is not None


def _with_more(found: Any) -> Any:
    if isinstance(found, Mapping):
        return {name: _with_more(value) for name, value in found.items()} | {"x_new": {"is": ["here", None]}}
    return [_with_more(value) for value in found] if isinstance(found, list) else found


def _changed(data: st.DataObject, found: Any) -> Any:
    """Put anything somewhere into a body."""
    inside = found
    for _ in range(data.draw(st.integers(0, 3))):
        if isinstance(inside, dict) and inside:
            name = data.draw(st.sampled_from(list(inside)))
            if not isinstance(inside[name], dict | list) or data.draw(st.booleans()):
                inside[name] = data.draw(_JSON)
                return found
            inside = inside[name]
        elif isinstance(inside, list) and inside:
            inside[0] = data.draw(_JSON)
            return found
    return data.draw(_JSON)
