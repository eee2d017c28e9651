"""Messages as they are handed to the relay."""

from __future__ import annotations

import email
import email.policy
import html
import re
from datetime import timedelta
from email.message import EmailMessage
from typing import Any  # arguments of a message, to be changed one by one

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from newsletter.domain import layout, rendered
from newsletter.domain.layout import Placement
from newsletter.domain.mailings import PlannedMessage
from newsletter.domain.rendered import BlockKind, FrozenIssue, ReaderField, RenderedBlock
from newsletter.domain.subscriptions import Cadence
from newsletter.domain.tokens import Delivery, KeyRing, LinkPurpose, read_link, read_local_part
from newsletter.mime import compile as compiled
from newsletter.rendering import issue as rendering
from newsletter.rendering.environment import Environment
from newsletter.runtime.settings import Settings
from newsletter.sending.compose import Composer, Rings, sender_id
from tests import issues
from tests.clocks import NOON

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
)
# A template that writes the reader's name everywhere a publisher might.
GREETING = (
    '<tr><td title="{{ reader.name }}"><p>Dear {{ reader.name }},</p>'
    '<a href="{{ reader.unsubscribe_url }}">{{ reader.address }}</a></td></tr>'
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
    return text.get_content(), page.get_content()


def test_a_message_has_every_header_once(composer: Composer, frozen: FrozenIssue) -> None:
    envelope, message = composer.message(**arguments(frozen))

    names = [
        line.partition(b":")[0].decode()
        for line in message.split(b"\r\n\r\n")[0].split(b"\r\n")
        if line[:1] != b" "
    ]
    found = parsed(message)
    assert sorted(names) == sorted(
        "From To Subject Date Message-ID Reply-To List-Id List-Unsubscribe List-Unsubscribe-Post List-Archive "
        "Feedback-ID Precedence MIME-Version Content-Type".split()
    )
    assert found["From"] == "The Harbour Post <news@post.example.com>"
    assert found["To"] == "Ana Müller <ana@example.com>"
    assert found["Subject"] == frozen.stories[0].title
    assert found["Date"].datetime == NOON
    assert found["List-Id"] == '"The Harbour Post" <daily.list.news.example.com>'
    assert found["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert found["Feedback-ID"] == "i7:n-daily:digest:postexamplecom"
    assert found["Precedence"] == "bulk"
    assert re.fullmatch(r"<m3\.77\.[0-9a-f]{20}@news\.example\.com>", found["Message-ID"])
    assert envelope.rcpt_to == "ana@example.com"


def test_links_and_return_path_carry_tokens_of_this_reader_and_mailing(
    composer: Composer, frozen: FrozenIssue
) -> None:
    envelope, message = composer.message(**arguments(frozen))

    web, mail = re.findall(r"<([^>]*)>", parsed(message)["List-Unsubscribe"])
    token = read_link(web.rpartition("/")[2], LinkPurpose.UNSUBSCRIBE, RINGS.links, now=NOON)
    assert web.startswith("https://news.example.com/u/")
    assert (token.subscriber_id, token.object_id, token.mailing_id) == (77, 1, 3)
    local, _, domain = mail.removeprefix("mailto:").partition("@")
    assert read_local_part(local, "u", RINGS.links, domain=domain) == Delivery(3, 77)
    local, _, domain = envelope.mail_from.partition("@")
    assert read_local_part(local, "b", RINGS.return_path, domain=domain) == Delivery(3, 77)
    assert domain == "in.example.com"


def test_without_an_inbound_domain_there_is_no_mailto_and_the_return_path_is_the_newsletters(
    frozen: FrozenIssue, blocks: list[RenderedBlock]
) -> None:
    composer = Composer(frozen, blocks, settings=Settings(public_url="https://news.example.com"), rings=RINGS)

    envelope, message = composer.message(**arguments(frozen))

    assert parsed(message)["List-Unsubscribe"].count("<") == 1
    assert envelope.mail_from == "news@post.example.com"


def test_a_message_is_short_lined_ascii_and_needs_no_dot_stuffing(
    composer: Composer, frozen: FrozenIssue
) -> None:
    _, message = composer.message(**arguments(frozen))

    head, _, body = message.partition(b"\r\n\r\n")
    assert message.isascii()
    assert max(map(len, body.split(b"\r\n"))) <= 76
    assert max(map(len, head.split(b"\r\n"))) <= 998
    assert b"\r\n." not in message
    assert message.count(b"\n") == message.count(b"\r\n") == message.count(b"\r")
    assert message.endswith(b"--\r\n")


def test_the_view_link_names_no_reader_and_both_parts_have_the_same_links(
    composer: Composer, frozen: FrozenIssue
) -> None:
    _, message = composer.message(**arguments(frozen))

    text, page = parts(message)
    in_text = set(re.findall(r"https?://\S+", text))
    in_page = {html.unescape(url) for url in re.findall(r'href="([^"]+)"', page)}
    view = next(url for url in in_text if "/v/" in url)
    token = read_link(view.rpartition("/")[2], LinkPurpose.VIEW, RINGS.links, now=NOON)
    assert in_text == in_page
    assert (token.subscriber_id, token.mailing_id, token.object_id) == (0, 0, 7)
    assert token.payload == arguments(frozen)["planned"].picks


def test_the_same_arguments_give_the_same_bytes_whatever_has_changed_since(
    frozen: FrozenIssue, blocks: list[RenderedBlock]
) -> None:
    rotated = Rings(KeyRing({1: b"l" * 32, 2: b"m" * 32}), KeyRing({1: b"r" * 32, 2: b"s" * 32}))
    thawed = FrozenIssue.from_dict(frozen.as_dict())

    first = Composer(frozen, blocks, settings=SETTINGS, rings=RINGS).message(**arguments(frozen))
    again = Composer(thawed, blocks, settings=SETTINGS, rings=rotated).message(**arguments(frozen))

    assert first == again


def test_message_ids_differ_between_readers_and_mailings(composer: Composer, frozen: FrozenIssue) -> None:
    planned = arguments(frozen)["planned"]
    changes: list[dict[str, Any]] = [{}, {"mailing_id": 4}, {"planned": planned._replace(subscriber_id=78)}]

    found = {parsed(composer.message(**arguments(frozen, **change))[1])["Message-ID"] for change in changes}

    assert len(found) == 3


def test_a_proof_is_marked_names_no_reader_and_is_unique(composer: Composer, frozen: FrozenIssue) -> None:
    envelope, message = composer.message(**arguments(frozen, is_proof=True))
    _, later = composer.message(**arguments(frozen, is_proof=True, planned_at=NOON + timedelta(minutes=1)))

    found = parsed(message)
    (web,) = re.findall(r"<([^>]*)>", found["List-Unsubscribe"])
    token = read_link(web.rpartition("/")[2], LinkPurpose.UNSUBSCRIBE, RINGS.links, now=NOON)
    assert found["Subject"] == f"[Test] {frozen.stories[0].title}"
    assert token.subscriber_id == 0
    assert envelope.mail_from == "news@post.example.com"
    assert found["Message-ID"] != parsed(later)["Message-ID"]


@pytest.mark.parametrize("name", [*HOSTILE, "Bcc:\r\n x@y.example", "nul\x00", "half \ud83d"])
def test_no_name_breaks_a_message(composer: Composer, frozen: FrozenIssue, name: str) -> None:
    planned = arguments(frozen)["planned"]._replace(name=name)

    _, message = composer.message(**arguments(frozen, planned=planned))

    found = parsed(message)
    assert [each.addr_spec for each in found["To"].addresses] == ["ana@example.com"]
    assert found["Bcc"] is None
    assert len(parts(message)) == 2


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(HOSTILE)
    | st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp", "Zs"))),
    local=st.from_regex(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,60}", fullmatch=True),
)
@example(name='"><script>', local="a&b'c")
def test_a_joined_message_reads_like_a_direct_render_whatever_the_reader_is_called(
    name: str, local: str
) -> None:
    frozen = issues.issue(3)
    address = f"{local}@example.com"
    named, addressed = (
        rendered.mark(frozen.nonce, field) for field in (ReaderField.NAME, ReaderField.ADDRESS)
    )
    block = RenderedBlock(
        ordinal=0,
        kind=BlockKind.PERSONAL,
        key="",
        style="",
        html=_marked(GREETING, frozen.nonce),
        text=f"Dear {named},\n{addressed}\n",
    )
    values = {
        ReaderField.NAME: name,
        ReaderField.ADDRESS: address,
        ReaderField.UNSUBSCRIBE_URL: "https://news.example.com/u/x?a=1&b=2",
    }

    body = compiled.Library([block], nonce=frozen.nonce).body(
        [Placement(BlockKind.PERSONAL, "")], compiled.encode_values(values), boundary=f"=_{frozen.nonce}"
    )

    text, page = parts(body)
    assert text.replace("\r\n", "\n") == f"Dear {name},\n{address}\n"
    assert page == _directly(GREETING, values)
    assert max(map(len, body.split(b"\r\n"))) <= 76


def test_every_digest_is_laid_out_from_the_picks(composer: Composer, frozen: FrozenIssue) -> None:
    sport = 1 << 2
    picks = frozen.chooser().choose(topics=sport, cadence=Cadence.EVERY_ISSUE, history=0)
    wanted = [story for story in frozen.stories if story.topics == sport]

    _, message = composer.message(**arguments(frozen, planned=PlannedMessage(5, picks, "a@b.example", "")))

    text, page = parts(message)
    titles = [html.unescape(title) for title in re.findall(r"<h2[^>]*><a[^>]*>([^<]*)</a>", page)]
    assert titles == [story.title for story in wanted]
    assert parsed(message)["Subject"] == layout.subject(wanted)
    assert all(story.url in text for story in wanted)


@pytest.mark.parametrize(
    ("address", "sender"),
    [
        ("a@post.example.com", "postexamplecom"),
        ("a@x.io", "xio00"),
        ("a@a-very-long-name.example", "averylongnameex"),
    ],
)
def test_the_sender_of_a_feedback_id_has_five_to_fifteen_characters(address: str, sender: str) -> None:
    assert sender_id(address) == sender


def _marked(template: str, nonce: str) -> str:
    fields = {
        "name": ReaderField.NAME,
        "address": ReaderField.ADDRESS,
        "unsubscribe_url": ReaderField.UNSUBSCRIBE_URL,
    }
    for name, field in fields.items():
        template = template.replace(f"{{{{ reader.{name} }}}}", rendered.mark(nonce, field))
    return template


def _directly(template: str, values: dict[ReaderField, str]) -> str:
    fields = {
        "name": ReaderField.NAME,
        "address": ReaderField.ADDRESS,
        "unsubscribe_url": ReaderField.UNSUBSCRIBE_URL,
    }
    pattern = re.compile(r"\{\{ reader\.(\w+) \}\}")
    return pattern.sub(lambda found: html.escape(values[fields[found[1]]]), template)
