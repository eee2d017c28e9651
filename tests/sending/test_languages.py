"""A digest is framed in its reader's language; the stories stay as they are."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from newsletter.digest import build, desk
from newsletter.digest import plan as planning
from newsletter.domain.errors import InvalidInput
from newsletter.domain.tokens import LinkPurpose, read_link
from newsletter.rendering.environment import Environment
from newsletter.rendering.words import load
from newsletter.reporting import archive
from newsletter.sending import expand as expanding
from newsletter.store import alerts, audiences, blocks, issues, keys, mailings
from newsletter.store.tables import KeyPurpose, Subscriber
from tests.builders import EDITOR, add_newsletter, add_reader
from tests.sending.press import ENVIRONMENT, Press, headlines, parsed

TITLES = ["Ferry returns", "Council votes"]


def set_up(press: Press, **languages: str | None) -> int:
    """Add an English newsletter whose readers ask for languages; return its id."""
    with press.database.transaction() as session:
        newsletter = add_newsletter(session)
        for name, language in languages.items():
            add_reader(session, newsletter, f"{name}@reader.example").language = language
    press.add_articles(newsletter.id, *TITLES)
    return newsletter.id


def frame_of(press: Press, name: str) -> tuple[str, str]:
    """Return the HTML and the text of the one mail that a reader got."""
    (received,) = press.sink.to(f"{name}@reader.example")
    mail = parsed(received)
    html, plain = mail.get_body(("html",)), mail.get_body(("plain",))
    assert html is not None
    assert plain is not None
    return html.get_content(), plain.get_content()


def test_readers_get_the_frame_of_their_language_around_the_same_stories(press: Press) -> None:
    press.expand(set_up(press, ana=None, bea="de-AT", cem="ar", dan="tlh"))

    press.drain()

    for name, language, direction in (
        ("ana", "en", "ltr"),
        ("bea", "de", "ltr"),
        ("cem", "ar", "rtl"),
        ("dan", "en", "ltr"),  # nobody has the words
    ):
        html, plain = frame_of(press, name)
        words = load(language)
        assert f'<html lang="{language}" dir="{direction}"' in html
        assert words("email.unsubscribe") in html
        assert words("email.unsubscribe") in plain
        assert words("email.issue", number=1) in html
        assert f"https://news.post.example.com/{LinkPurpose.UNSUBSCRIBE}/" in html
        assert all(title in html and title in plain for title in TITLES)
        # What the newsletter wrote says in which language it is, where that is not the frame's.
        assert ('<h2 class="h-lead" lang="en" dir="ltr"' in html) is (language != "en")
    told = {tuple(sorted(headlines(received))) for received in press.sink.messages}
    assert told == {tuple(sorted(TITLES))}


def test_a_message_tried_again_keeps_the_language_it_was_decided_in(press: Press) -> None:
    newsletter_id = set_up(press, ana="de", bea="ar")
    press.sink.refuse_data["ana@reader.example"] = "451 4.3.0 later"
    mailing_id = press.expand(newsletter_id)
    press.drain()
    del press.sink.refuse_data["ana@reader.example"]

    with press.database.transaction() as session:
        session.execute(text("UPDATE subscribers SET language = 'ar'"))
    press.clock.advance(timedelta(minutes=13))
    press.drain()

    (first,), (second,) = press.sink.refused, press.sink.to("ana@reader.example")
    assert first.message == second.message
    assert '<html lang="de"' in frame_of(press, "ana")[0]
    assert press.receipt(mailing_id).submitted == 2


def test_an_issue_is_rendered_in_the_languages_that_its_active_readers_ask_for(press: Press) -> None:
    newsletter_id = set_up(press, ana="en", bea="de", cem="tlh", dan="fr")
    with press.database.transaction() as session:
        session.execute(
            text("UPDATE subscriptions SET status = 'unsubscribed' WHERE subscriber_id = :of"),
            {"of": session.query(Subscriber.id).filter_by(address="dan@reader.example").scalar()},
        )

    mailing_id = press.expand(newsletter_id)

    with press.database.reading() as session:
        assert audiences.languages(session, newsletter_id) == {"en", "de", "tlh"}
        issue = issues.get(session, mailings.get(session, mailing_id).issue_id)
        assert issues.frozen(issue).languages == ("de",)
        own, other = (blocks.of_issue(session, issue.id, language) for language in ("en", "de"))
        assert [(b.ordinal, b.kind, b.key) for b in own] == [(b.ordinal, b.kind, b.key) for b in other]
        assert not blocks.of_issue(session, issue.id, "fr")
        assert build.preview_issue(session, issue.id, environment=ENVIRONMENT, language="de").blocks == other
        with pytest.raises(InvalidInput, match="'fr'"):
            build.preview_issue(session, issue.id, environment=ENVIRONMENT, language="fr")


def test_the_link_to_the_browser_shows_the_mail_in_its_language_and_names_nobody(press: Press) -> None:
    press.expand(set_up(press, ana=None, bea="de", cem="ar"))
    press.drain()
    links = {
        name: re.findall(r'href="https://news\.post\.example\.com/v/([^"]+)"', frame_of(press, name)[0])
        for name in ("ana", "bea", "cem")
    }

    token = links["ana"][0]
    assert links == {"ana": [token], "bea": [f"{token}/de"], "cem": [f"{token}/ar"]}
    with press.database.reading() as session:
        ring = keys.ring(session, KeyPurpose.LINKS)
        found = read_link(token, LinkPurpose.VIEW, ring, now=press.clock.now())
        assert found.subscriber_id == 0
        for asked, language in (("", "en"), ("de", "de"), ("ar", "ar"), ("fr", "en"), ("../x", "en")):
            page = archive.view(
                session,
                found.object_id,
                found.payload,
                public_url=press.settings.public_url,
                environment=ENVIRONMENT,
                language=asked,
            )
            assert f'<html lang="{language}"' in page.html
            assert load(language)("email.issue", number=1) in page.html


@pytest.mark.parametrize("own", ["en", "pt"])
def test_no_catalogue_of_a_publisher_keeps_an_issue_from_going_out(
    press: Press, tmp_path: Path, own: str
) -> None:
    folder = tmp_path / "templates" / "words"
    folder.mkdir(parents=True)
    for name, written in (("foo", "{}"), ("pt", '{"email.more": "Mais"'), ("de", '{"email.issue": "{no}"}')):
        (folder / f"{name}.json").write_text(written)
    with press.database.transaction() as session:
        newsletter = add_newsletter(session)
        newsletter.language = own
        for name, language in (("ana", "foo"), ("bea", "de"), ("cem", "pt")):
            add_reader(session, newsletter, f"{name}@reader.example").language = language
    press.add_articles(newsletter.id, *TITLES)
    now = press.clock.now()
    with press.database.transaction() as session:
        issue_id = planning.plan_now(session, newsletter.id, now=now).id
        desk.approve(session, issue_id, actor=EDITOR, now=now)

    build.build(press.database.transaction, issue_id, environment=Environment(folder.parent), now=now)
    expanding.expand(press.database.transaction, issue_id, now=now)
    press.drain()

    for name, language in (("ana", "en"), ("bea", "de"), ("cem", "en")):
        html, plain = frame_of(press, name)
        assert f'<html lang="{language}"' in html
        assert load(language)("email.issue", number=1) in plain
    with press.database.reading() as session:
        told = {alert.subject: alert.text for alert in alerts.recent(session, now=now)}
    assert set(told) == {"foo.json", "pt.json", "de.json"}
    assert str(folder / "pt.json") in told["pt.json"]
