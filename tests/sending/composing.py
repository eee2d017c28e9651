"""Make messages of one issue to look at."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from typing import Any  # arguments of a message, to be changed one by one

import pytest

from newsletter.domain.mailings import PlannedMessage
from newsletter.domain.rendered import FrozenIssue, RenderedBlock
from newsletter.domain.subscriptions import Cadence
from newsletter.domain.tokens import (
    KeyRing,
)
from newsletter.rendering import issue as rendering
from newsletter.rendering.environment import Environment
from newsletter.runtime.settings import Settings
from newsletter.sending.compose import Composer, Rings
from tests import issues
from tests.clocks import NOON
from tests.mime.relaxed import relaxed

RINGS = Rings(KeyRing({1: b"l" * 32}), KeyRing({1: b"r" * 32}))
SETTINGS = Settings(public_url="https://news.example.com", inbound_domain="in.example.com")
HOSTILE = (
    "",
    "Ana",
    "Müller",
    ".dot",
    "a=b",
    "x" * 200,
    "日本語" * 30,
    "<b>&\"'",
    "From me",
    "  blanks  ",
    "=?utf-8?q?x?=",
    "=_0a1b2c3d4e5f",
    "zq0a1b2c3d4e5fnameqz",
    "{{ 7*7 }} {% x %}",
    "--=_0a1b2c3d4e5f--",
    "Bcc: x@y.example",
    "--></style></script>",
)


@pytest.fixture(scope="module")
def frozen() -> FrozenIssue:
    return issues.issue(12)


@pytest.fixture(scope="module")
def blocks(frozen: FrozenIssue) -> list[RenderedBlock]:
    return rendering.render(Environment(), frozen)


@pytest.fixture(scope="module")
def composer(frozen: FrozenIssue, blocks: list[RenderedBlock]) -> Composer:
    return Composer(frozen, blocks, settings=SETTINGS, rings=RINGS)


def arguments(frozen: FrozenIssue, **over: Any) -> dict[str, Any]:
    picks = frozen.chooser().choose(topics=0, cadence=Cadence.EVERY_ISSUE, history=0)
    planned = PlannedMessage(77, picks, "ana@example.com", "Ana Müller")
    values: dict[str, Any] = {
        "planned": planned,
        "mailing_id": 3,
        "planned_at": NOON,
        "key_ids": {"links": 1, "return_path": 1},
    }
    return values | over


def parsed(message: bytes) -> EmailMessage:
    found = email.message_from_bytes(message, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


def parts(message: bytes) -> tuple[str, str]:
    text, page = parsed(message).iter_parts()
    assert (text.get_content_type(), page.get_content_type()) == ("text/plain", "text/html")
    return text.get_content().replace("\r\n", "\n"), page.get_content().replace("\r\n", "\n")


def assert_prepared(message: bytes) -> None:
    """Assert what the engine relies on, and what signing does."""
    head, _, body = message.partition(b"\r\n\r\n")
    assert message.isascii()
    assert max(map(len, body.split(b"\r\n"))) <= 76
    assert max(map(len, head.split(b"\r\n"))) <= 78
    assert not message.startswith(b".")
    assert b"\r\n." not in message
    assert message.count(b"\n") == message.count(b"\r\n") == message.count(b"\r")
    assert message.endswith(b"\r\n")
    assert relaxed(body) == body
