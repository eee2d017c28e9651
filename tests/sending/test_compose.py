"""Messages as they are handed to the relay."""

from __future__ import annotations

import email
import email.policy
import html
import re
import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any  # arguments of a message, to be changed one by one

import dkim as judge
import jinja2
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from newsletter.domain import layout, rendered, selection
from newsletter.domain.layout import Placement
from newsletter.domain.mailings import PlannedMessage
from newsletter.domain.relays import RelayKind
from newsletter.domain.rendered import BlockKind, FrozenIssue, RenderedBlock
from newsletter.domain.subscriptions import Cadence
from newsletter.domain.tokens import (
    Delivery,
    KeyRing,
    LinkPurpose,
    LinkToken,
    read_link,
    read_local_part,
    sign_link,
)
from newsletter.mime import dkim as signing
from newsletter.rendering import issue as rendering
from newsletter.rendering.environment import Environment
from newsletter.runtime import paths
from newsletter.runtime.settings import Settings
from newsletter.sending.compose import Composer, Rings, sender_id
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
# A publisher's templates, with the reader's fields in every kind of place where they may stand.
GREETING = (
    '<tr><td title="{{ reader.name }}"><p lang="en" title="{{ reader.address }}">Dear {{ reader.name }},</p>'
    '<a href="{{ reader.unsubscribe_url }}" title="{{ reader.title }}">{{ reader.address }}</a>'
    "{{ reader.view_url }} {{ reader.preheader }}</td></tr>\n"
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


def test_a_window_that_names_a_key_of_dkim_gets_signed_messages_and_no_other_does(
    frozen: FrozenIssue, blocks: list[RenderedBlock]
) -> None:
    key = signing.new_key()
    signer = signing.Signer("post.example.com", "n1", key)
    composer = Composer(frozen, blocks, settings=SETTINGS, rings=RINGS, signers={9: signer}, kinds=RelayKind)
    signed_with = arguments(frozen)["key_ids"] | {"dkim": 9}

    _, signed = composer.message(**arguments(frozen, key_ids=signed_with))
    _, proof = composer.message(**arguments(frozen, key_ids=signed_with, is_proof=True))
    _, plain = composer.message(**arguments(frozen))

    assert signed.endswith(plain)
    for message in (signed, proof):
        assert message.startswith(b"DKIM-Signature: ")
        record = signing.record_value(key).encode()
        assert judge.verify(message, dnsfunc=lambda name, timeout=5, record=record: record)
    assert b"DKIM-Signature" not in plain


class Recorder:
    """Sign by writing down what there was to sign."""

    def sign(self, fields: Sequence[bytes], body: bytes, *, at: datetime) -> bytes:
        self.fields, self.body, self.at = fields, body, at
        return b"DKIM-Signature: x\r\n"


def test_a_signer_is_given_the_fields_in_order_and_the_body_as_it_goes_out(
    frozen: FrozenIssue, blocks: list[RenderedBlock]
) -> None:
    recorder = Recorder()
    composer = Composer(frozen, blocks, settings=SETTINGS, rings=RINGS, signers={1: recorder})
    keys = arguments(frozen)["key_ids"] | {"dkim": 1}

    _, message = composer.message(**arguments(frozen, key_ids=keys))

    assert message == b"DKIM-Signature: x\r\n" + b"".join(recorder.fields) + b"\r\n" + recorder.body
    assert all(re.match(rb"[A-Za-z-]+:", field) and field.endswith(b"\r\n") for field in recorder.fields)
    assert recorder.at == NOON


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        (RelayKind.SES, "X-SES-MESSAGE-TAGS: delivery=3-77"),
        (RelayKind.SENDGRID, 'X-SMTPAPI: {"unique_args":{"delivery":"3-77"}}'),
        (RelayKind.MAILGUN, 'X-Mailgun-Variables: {"delivery": "3-77"}'),
        (RelayKind.POSTMARK, "X-PM-Metadata-delivery: 3-77"),
        (RelayKind.SPARKPOST, 'X-MSYS-API: {"metadata":{"delivery":"3-77"}}'),
        (RelayKind.BREVO, "X-Mailin-custom: 3-77"),
        (RelayKind.MAILJET, "X-MJ-CustomID: 3-77"),
    ],
)
def test_a_provider_is_told_which_message_it_is(
    frozen: FrozenIssue, blocks: list[RenderedBlock], kind: RelayKind, field: str
) -> None:
    composer = Composer(frozen, blocks, settings=SETTINGS, rings=RINGS, kinds={RelayKind.SMTP, kind})

    _, message = composer.message(**arguments(frozen))

    usual = Composer(frozen, blocks, settings=SETTINGS, rings=RINGS).message(**arguments(frozen))[1]
    assert message.replace(f"{field}\r\n".encode(), b"", 1) == usual
    assert message != usual


@pytest.mark.parametrize("kind", [RelayKind.SMTP, RelayKind.RESEND])
def test_a_relay_that_gives_nothing_back_is_told_nothing(
    frozen: FrozenIssue, blocks: list[RenderedBlock], kind: RelayKind
) -> None:
    told = Composer(frozen, blocks, settings=SETTINGS, rings=RINGS, kinds={kind}).message(**arguments(frozen))
    untold = Composer(frozen, blocks, settings=SETTINGS, rings=RINGS).message(**arguments(frozen))

    assert told == untold


def test_the_longest_names_of_messages_fit_into_their_lines(
    frozen: FrozenIssue, blocks: list[RenderedBlock]
) -> None:
    composer = Composer(frozen, blocks, settings=SETTINGS, rings=RINGS, kinds=RelayKind)
    planned = arguments(frozen)["planned"]._replace(subscriber_id=2**40 - 1)

    _, message = composer.message(**arguments(frozen, planned=planned, mailing_id=2**24 - 1))

    assert_prepared(message)
