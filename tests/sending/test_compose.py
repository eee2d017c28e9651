"""Messages as they are handed to the relay."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any  # arguments of a message, to be changed one by one

import pytest

from newsletter.domain import layout, selection
from newsletter.domain.mailings import PlannedMessage
from newsletter.domain.relays import RelayKind
from newsletter.domain.rendered import FrozenIssue, RenderedBlock
from newsletter.domain.subscriptions import Cadence
from newsletter.domain.tokens import (
    Delivery,
    KeyRing,
    LinkPurpose,
    read_link,
    read_local_part,
)
from newsletter.rendering import issue as rendering
from newsletter.rendering.environment import Environment
from newsletter.runtime.settings import Settings
from newsletter.sending.compose import Composer, Rings, sender_id
from tests import issues
from tests.clocks import NOON
from tests.sending.composing import (
    HOSTILE,
    RINGS,
    SETTINGS,
    arguments,
    assert_prepared,
    blocks,
    composer,
    frozen,
    parsed,
    parts,
)

__all__ = ["blocks", "composer", "frozen"]


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
    local, _, domain = found["Message-ID"].strip("<>").partition("@")
    assert domain == "news.example.com"
    assert read_local_part(local, "m", RINGS.links, domain=domain) == Delivery(3, 77)
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
    assert envelope.envelope_id == local


def test_without_an_inbound_domain_there_is_no_mailto_and_the_return_path_is_the_newsletters(
    frozen: FrozenIssue, blocks: list[RenderedBlock]
) -> None:
    composer = Composer(frozen, blocks, settings=Settings(public_url="https://news.example.com"), rings=RINGS)

    envelope, message = composer.message(**arguments(frozen))

    assert parsed(message)["List-Unsubscribe"].count("<") == 1
    assert envelope.mail_from == "news@post.example.com"
    assert read_local_part(envelope.envelope_id, "m", RINGS.links, domain="news.example.com") == Delivery(
        3, 77
    )


def test_a_message_is_short_lined_ascii_and_needs_no_dot_stuffing(
    composer: Composer, frozen: FrozenIssue
) -> None:
    _, message = composer.message(**arguments(frozen))

    assert_prepared(message)
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
    assert_prepared(message)


@pytest.mark.parametrize("name", [*HOSTILE, "Bcc:\r\n x@y.example", "nul\x00", "half \ud83d"])
def test_no_name_breaks_a_message(composer: Composer, frozen: FrozenIssue, name: str) -> None:
    planned = arguments(frozen)["planned"]._replace(name=name)

    _, message = composer.message(**arguments(frozen, planned=planned))

    found = parsed(message)
    assert [each.addr_spec for each in found["To"].addresses] == ["ana@example.com"]
    assert found["Bcc"] is None
    assert len(parts(message)) == 2


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


def test_readers_with_the_same_stories_share_the_link_that_shows_them(
    composer: Composer, frozen: FrozenIssue
) -> None:
    planned = arguments(frozen)["planned"]
    others: list[dict[str, Any]] = [
        {"planned": planned._replace(subscriber_id=78)},
        {"planned_at": NOON + timedelta(hours=1)},
        {"mailing_id": 4},
    ]

    found = {
        re.search(r"\S+/v/\S+", parts(composer.message(**arguments(frozen, **other))[1])[0])[0]  # type: ignore[index]
        for other in [{}, *others]
    }

    assert len(found) == 1


def test_a_message_is_made_with_the_keys_of_its_window(
    frozen: FrozenIssue, blocks: list[RenderedBlock]
) -> None:
    rings = Rings(KeyRing({1: b"l" * 32, 2: b"m" * 32}), KeyRing({1: b"r" * 32, 2: b"s" * 32}))
    composer = Composer(frozen, blocks, settings=SETTINGS, rings=rings)
    old, new = ({"links": number, "return_path": number} for number in (1, 2))

    before = composer.message(**arguments(frozen, key_ids=old))
    after = composer.message(**arguments(frozen, key_ids=new))
    again = composer.message(**arguments(frozen, key_ids=old))

    assert before == again
    assert before[0] != after[0]
    view = re.search(r"/v/(\S+)", parts(after[1])[0])
    assert view is not None
    only_new = KeyRing({2: b"m" * 32})
    assert read_link(view[1], LinkPurpose.VIEW, only_new, now=NOON).object_id == 7


@pytest.mark.parametrize(
    "over",
    [
        {"planned_at": NOON + timedelta(minutes=1)},
        {"mailing_id": 4},
        {"key_ids": {"links": 2, "return_path": 1}},
        {"key_ids": {"links": 1, "return_path": 2}},
    ],
    ids=["moment", "mailing", "key of links", "key of return paths"],
)
def test_a_composer_that_has_made_messages_of_one_window_makes_those_of_another_as_a_new_one(
    frozen: FrozenIssue, blocks: list[RenderedBlock], over: dict[str, Any]
) -> None:
    rings = Rings(KeyRing({1: b"l" * 32, 2: b"m" * 32}), KeyRing({1: b"r" * 32, 2: b"s" * 32}))
    used, new = (Composer(frozen, blocks, settings=SETTINGS, rings=rings) for _ in range(2))
    before = used.message(**arguments(frozen))

    after = used.message(**arguments(frozen, **over))

    assert after == new.message(**arguments(frozen, **over))
    assert after != before


def test_windows_and_digests_that_are_forgotten_are_made_again_the_same(
    composer: Composer, frozen: FrozenIssue
) -> None:
    first = composer.message(**arguments(frozen))
    planned = arguments(frozen)["planned"]

    for number in range(1, 200):
        picks = selection.encode_picks(
            [1 + number % 12, 1 + number % 7, 1 + number % 5], highest=frozen.highest
        )
        at = NOON + timedelta(seconds=number)
        composer.message(**arguments(frozen, planned=planned._replace(picks=picks), planned_at=at))

    assert composer.message(**arguments(frozen)) == first


def test_a_link_with_many_picks_is_broken_and_reads_back(frozen: FrozenIssue) -> None:
    wide = issues.issue(stories=[issues.story(number) for number in (400, 200, 1)])
    composer = Composer(wide, rendering.render(Environment(), wide), settings=SETTINGS, rings=RINGS)
    picks = selection.encode_picks([400, 1], highest=400)

    _, message = composer.message(**arguments(frozen, planned=PlannedMessage(5, picks, "a@b.example", "")))

    view = re.search(r"/v/(\S+)", parts(message)[0])
    assert view is not None
    assert read_link(view[1], LinkPurpose.VIEW, RINGS.links, now=NOON).payload == picks
    assert_prepared(message)


def test_the_longest_names_of_messages_fit_into_their_lines(
    frozen: FrozenIssue, blocks: list[RenderedBlock]
) -> None:
    composer = Composer(frozen, blocks, settings=SETTINGS, rings=RINGS, kinds=RelayKind)
    planned = arguments(frozen)["planned"]._replace(subscriber_id=2**40 - 1)

    _, message = composer.message(**arguments(frozen, planned=planned, mailing_id=2**24 - 1))

    assert_prepared(message)
