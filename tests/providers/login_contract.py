"""State what providers that log in must do besides; each of their test classes inherits this."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import datetime

import pytest

from newsletter.domain.errors import InvalidInput
from newsletter.providers.base import Call, EventFeed
from tests.clocks import NOON
from tests.providers.contract import EventFeedContract, load

LOGINS = ["hook:a-password-of-2025", "hook:a-password-of-2026"]


def basic(login: str) -> dict[str, str]:
    """Return the header of RFC 7617."""
    return {"authorization": "Basic " + b64encode(login.encode()).decode()}


class LoginFeedContract(EventFeedContract):
    """Passwords, tokens and headers of one's own."""

    signs_body = False
    signs_time = None

    @pytest.fixture
    def secrets(self) -> list[str]:
        return LOGINS

    def call(self, found: object, secret: str, *, at: datetime = NOON) -> Call:
        return Call(basic(secret), json.dumps(found).encode())

    @pytest.mark.parametrize(
        ("secret", "headers", "is_good"),
        [
            ("hook:a-long-password-0", basic("hook:a-long-password-0"), True),
            ("hook:a-long-password-0", basic("hook:a-long-password-1"), False),
            ("hook:a-long-password-0", basic("Hook:a-long-password-0"), False),
            ("hook:a-long-password-0", {"authorization": "basic  aG9vazphLWxvbmctcGFzc3dvcmQtMA=="}, True),
            ("hook:a-long-password-0", {"authorization": "Bearer aG9vazphLWxvbmctcGFzc3dvcmQtMA=="}, False),
            ("Bearer 0123456789abcdef", {"authorization": "Bearer 0123456789abcdef"}, True),
            ("Bearer 0123456789abcdef", {"authorization": "bearer 0123456789abcdef"}, True),
            ("Bearer 0123456789abcdef", {"authorization": "0123456789abcdef"}, False),
            ("Bearer 0123456789abcdef", {"authorization": "Bearer 0123456789abcdeé"}, False),
            ("X-Hook: 0123456789abcdef", {"x-hook": "0123456789abcdef"}, True),
            ("X-Hook: 0123456789abcdef", {"x-hook": "0123456789abcde"}, False),
            ("X-Hook: 0123456789abcdef", {"authorization": "0123456789abcdef"}, False),
            ("X-Hook: 0123456789abcdef", {}, False),
        ],
    )
    def test_a_login_has_three_forms(
        self, feed: EventFeed, secret: str, headers: dict[str, str], *, is_good: bool
    ) -> None:
        feed.check(secret)

        assert self.refused(feed, Call(headers, b"{}"), [secret]) is not is_good

    @pytest.mark.parametrize(
        "secret", ["hook", "hook:", "hook:short", "Bearer short", "X-Hook: short", ": 0123456789abcdef"]
    )
    def test_a_login_that_can_be_guessed_is_refused(self, feed: EventFeed, secret: str) -> None:
        with pytest.raises(InvalidInput, match="at least 16 characters"):
            feed.check(secret)

    def test_calls_that_say_something_else_have_other_names(
        self, feed: EventFeed, secrets: list[str]
    ) -> None:
        call = self.call(load(self.provider)[self.good], secrets[0])

        names = {feed.authenticate(one, secrets, now=NOON) for one in (call, self.tampered(call))}

        assert len(names) == 2
