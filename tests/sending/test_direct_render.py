"""A message that is joined from blocks reads like a direct render, whoever the reader is."""

from __future__ import annotations

import email
import email.policy
import re
import shutil
from collections.abc import Iterator, Sequence
from email.header import decode_header, make_header
from email.utils import parseaddr

import jinja2
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from newsletter.domain import layout, rendered, selection
from newsletter.domain.layout import Placement
from newsletter.domain.mailings import PlannedMessage
from newsletter.domain.rendered import BlockKind, FrozenIssue
from newsletter.domain.tokens import (
    LinkPurpose,
    LinkToken,
    sign_link,
)
from newsletter.rendering import issue as rendering
from newsletter.rendering.environment import Environment
from newsletter.runtime import paths
from newsletter.sending.compose import Composer
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
    parts,
)

__all__ = ["blocks", "composer", "frozen"]

# A publisher's templates, with the reader's fields in every kind of place where they may stand.
GREETING = (
    '<tr><td title="{{ reader.name }}"><p lang="en" title="{{ reader.address }}">Dear {{ reader.name }},</p>'
    '<a href="{{ reader.unsubscribe_url }}" title="{{ reader.title }}">{{ reader.address }}</a>'
    "{{ reader.view_url }} {{ reader.preheader }}</td></tr>\n"
)


@pytest.fixture(scope="module", params=["shipped", "own"])
def press(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Press:
    """Render with the shipped templates and with those of a publisher who greets readers in every story."""
    folder = None
    if request.param == "own":
        folder = tmp_path_factory.mktemp("templates")
        shutil.copytree(paths.templates() / "email", folder / "email")
        for name in ("personal.html", "story.html"):
            with (folder / "email" / name).open("a") as file:
                file.write(GREETING)
    return Press(Environment(folder))


class Press:
    """Hold an issue in several orders of the mail, with its blocks and a composer for each."""

    def __init__(self, environment: Environment) -> None:
        self.issues = []
        stories = [issues.story(number, title=f"Ships & <i>boats</i> {number}") for number in range(1, 13)]
        for order in (stories, stories[::-1], stories[5:] + stories[:5]):
            frozen = issues.issue(stories=order)
            blocks = rendering.render(environment, frozen)
            composer = Composer(frozen, blocks, settings=SETTINGS, rings=RINGS)
            self.issues.append((frozen, blocks, composer))


def names() -> st.SearchStrategy[str]:
    return (
        st.sampled_from(HOSTILE) | st.text(st.characters(codec="utf-8"), max_size=100) | st.text(max_size=30)
    )


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    which=st.integers(0, 2),
    picked=st.sets(st.integers(1, 12), min_size=1),
    name=names(),
    local=st.from_regex(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,60}", fullmatch=True),
    reader=st.integers(1, 2**40 - 1),
)
@example(which=0, picked={3}, name='"><script>', local="a&b'c", reader=1)
@example(which=1, picked=set(range(1, 13)), name="Ana  Müller ", local="o'brien=x", reader=2**40 - 1)
def test_a_message_reads_like_a_direct_render_whoever_the_reader_is_and_whatever_the_stories(
    press: Press, which: int, picked: set[int], name: str, local: str, reader: int
) -> None:
    frozen, blocks, composer = press.issues[which]
    address = f"{local}@example.com"
    picks = selection.encode_picks(picked, highest=frozen.highest)
    planned = PlannedMessage(reader, picks, address, name)

    envelope, message = composer.message(**arguments(frozen, planned=planned))

    numbers = [story.number for story in frozen.stories if story.number in picked]
    placed = layout.digest(numbers, middle=BlockKind.PERSONAL)
    by_place = {Placement(each.kind, each.key, each.style): each for each in blocks}
    chosen = [by_place[placement] for placement in placed]
    values = reader_values(frozen, planned, numbers)
    text, page = parts(message)
    assert text == directly([each.text for each in chosen], frozen.nonce, values, is_html=False)
    assert page == directly([each.html for each in chosen], frozen.nonce, values, is_html=True)
    assert_prepared(message)
    assert composer.message(**arguments(frozen, planned=planned)) == (envelope, message)  # joined before


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=names())
def test_the_header_reads_back_and_nothing_is_added_to_it(
    composer: Composer, frozen: FrozenIssue, name: str
) -> None:
    planned = arguments(frozen)["planned"]._replace(name=name)

    _, message = composer.message(**arguments(frozen, planned=planned))

    plain = email.message_from_bytes(message, policy=email.policy.compat32)
    usual = email.message_from_bytes(composer.message(**arguments(frozen))[1], policy=email.policy.compat32)
    shown, address = parseaddr(re.sub(r"\r\n(?=[ \t])", "", plain["To"]))
    assert plain.keys() == usual.keys()
    assert str(make_header(decode_header(shown))) == layout.one_line(name)
    assert address == planned.address
    assert all(len(line) <= 78 for line in message.partition(b"\r\n\r\n")[0].split(b"\r\n"))


def reader_values(frozen: FrozenIssue, planned: PlannedMessage, numbers: Sequence[int]) -> dict[str, str]:
    """Return what the templates call ``reader``, made the slow way."""
    stories = {story.number: story for story in frozen.stories}
    chosen = [stories[number] for number in numbers]
    site = SETTINGS.public_url

    def link(purpose: LinkPurpose, token: LinkToken) -> str:
        return f"{site}/{purpose}/{sign_link(token, RINGS.links, key_number=1)}"

    def own(purpose: LinkPurpose) -> str:
        token = LinkToken(
            purpose=purpose,
            subscriber_id=planned.subscriber_id,
            object_id=1,
            mailing_id=3,
            issued_at=NOON,
        )
        return link(purpose, token)

    view = LinkToken(
        purpose=LinkPurpose.VIEW,
        subscriber_id=0,
        object_id=frozen.issue_id,
        issued_at=frozen.cut_off_at,
        payload=planned.picks,
    )
    return {
        "name": layout.one_line(planned.name),
        "address": planned.address,
        "title": layout.subject(chosen),
        "preheader": layout.preheader(chosen),
        "unsubscribeurl": own(LinkPurpose.UNSUBSCRIBE),
        "preferencesurl": own(LinkPurpose.PREFERENCES),
        "viewurl": link(LinkPurpose.VIEW, view),
        "subscribeurl": f"{site}/subscribe/daily",
        "archiveurl": f"{site}/archive/daily",
    }


def directly(sources: Sequence[str], nonce: str, values: dict[str, str], *, is_html: bool) -> str:
    """Render blocks by Jinja2, one after the other, with a variable where each mark stands."""
    template = jinja2.Environment(autoescape=is_html, keep_trailing_newline=True).from_string(
        "{% for is_field, text in pieces %}{{ reader[text] if is_field else text }}{% endfor %}"
    )

    def pieces() -> Iterator[tuple[bool, str]]:
        for source in sources:
            for place, text in enumerate(rendered.marks(nonce).split(source)):
                yield place % 2 == 1, Markup(text) if is_html and place % 2 == 0 else text

    return template.render(pieces=pieces(), reader=values)
