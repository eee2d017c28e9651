"""Ask axe about every page that readers and editors are shown, and about every kind of mail."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any, Literal  # what axe answers

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, Page

from newsletter.digest import arranging
from newsletter.domain import layout
from newsletter.domain.consent import ConsentEvidence
from newsletter.domain.layout import Placement
from newsletter.domain.rendered import BlockKind, FrozenIssue, FrozenLink
from newsletter.domain.selection import encode_picks
from newsletter.domain.tokens import LinkPurpose, LinkToken, sign_link
from newsletter.rendering import alert_mail
from newsletter.rendering import issue as rendering
from newsletter.rendering.environment import Environment
from newsletter.rendering.notice import confirmation
from newsletter.store import blocks, newsletters
from newsletter.store import issues as issue_store
from newsletter.store.tables import Subscriber
from newsletter.subscribing import signup
from newsletter.subscribing.signup import SignupRequest
from newsletter.wiring import App
from tests import issues
from tests.builders import add_reader, add_topic
from tests.clocks import NOON
from tests.embedded.conftest import Inbox, inbox  # noqa: F401 (a fixture)
from tests.subscribing.links import link
from tests.web import test_clicks
from tests.web.test_desk import ADA, Desk, at_desk  # noqa: F401 (a fixture)

LOOKS: tuple[tuple[Literal["light", "dark"], int], ...] = (
    ("light", 1280),
    ("dark", 375),
    ("light", 375),
)
# A mail is shown inside the page of a mail program, which owns the landmarks: a mail with a main part of its
# own would be a second one. Everything else that axe judges holds for a mail too.
OUTSIDE_MAIL = ("region", "landmark-one-main")
BELOW = (FrozenLink(number=90, title="More on the ferry", url="https://post.example.com/90"),)


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Look at pages once: they do not depend on the database."""
    return sqlite_url


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    opened = chromium.new_page(reduced_motion="reduce")
    yield opened
    opened.close()


def found(page: Page, without: tuple[str, ...] = ()) -> list[str]:
    """Return what axe finds wrong, in light on a desk, in dark and in light on a phone."""
    if not page.evaluate("() => 'axe' in window"):  # a document that is set keeps the window of the last one
        page.evaluate(AXE_SCRIPT)
    wrong: list[str] = []
    options = {
        "iframes": False,
        "resultTypes": ["violations"],
        "rules": {rule: {"enabled": False} for rule in without},
    }
    for look, width in LOOKS:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=look)
        answer: dict[str, Any] = page.evaluate("options => axe.run(document, options)", options)
        wrong += [
            f"{look}: {each['id']}: {node['target']}: {each['help']}"
            for each in answer["violations"]
            for node in each["nodes"]
        ]
    return wrong


def judge(page: Page, documents: dict[str, str], without: tuple[str, ...] = ()) -> None:
    """Fail with everything that axe finds in any of the documents."""
    wrong = []
    for name, html in documents.items():
        page.set_content(html)
        wrong += [f"{name}: {each}" for each in found(page, without)]
    assert not wrong, "\n".join(wrong)


def full_issue(**over: Any) -> FrozenIssue:
    stories = [issues.story(number, more=BELOW, is_update=True) for number in range(6, 0, -1)]
    stories.append(issues.story(20, is_missed=True))
    return issues.issue(stories=stories, note="Good morning.\n\nThe ferry is late.", **over)


def digest_of(issue: FrozenIssue, language: str | None = None) -> str:
    made = rendering.render(Environment(), issue, language)
    kept = {Placement(b.kind, b.key, b.style): b.html for b in made}
    order = [story.number for story in issue.in_mail_order]
    return "".join(kept[each] for each in layout.of_issue(issue, order, middle=BlockKind.PERSONAL))


def reader_paths(app: App) -> dict[str, str]:
    """Sign one reader up and add an active one; return the paths of their mails."""
    with app.transaction() as session:
        daily = newsletters.by_slug(session, "daily")
        add_topic(session, daily, "sport", number=0)
        add_topic(session, daily, "culture", number=1)
        wish = SignupRequest(
            address="ada@example.com", newsletters=("daily",), evidence=ConsentEvidence(channel="form")
        )
        (notice_id,) = signup.request(session, wish, now=NOON).notice_ids
        reader = add_reader(session, daily, "ben@example.com")
        objects = {
            LinkPurpose.CONFIRM: (1, notice_id),
            LinkPurpose.BLOCK: (1, notice_id),
            LinkPurpose.PREFERENCES: (reader.id, daily.id),
            LinkPurpose.UNSUBSCRIBE: (reader.id, daily.id),
        }
        return {
            purpose.name: f"/{purpose}/"
            + link(session, purpose, subscriber_id=who, object_id=what, issued_at=NOON)
            for purpose, (who, what) in objects.items()
        }


def issue_paths(app: App) -> dict[str, str]:
    """Mail an issue; return the paths of its pages."""
    with app.reading() as session:
        daily_id = newsletters.by_slug(session, "daily").id
    over = {"stories": list(full_issue().stories), "note": "Good morning."}
    issue = test_clicks.mailed(app, daily_id, **over)
    with app.transaction() as session:
        kept = issue_store.get(session, issue.id)
        frozen = issue_store.frozen(kept)
        kept.nonce = frozen.nonce
        blocks.add(session, issue.id, "en", rendering.render(app.environment, frozen))
    test_clicks.move(app, 2, retracted_at=NOON)
    token = LinkToken(
        purpose=LinkPurpose.VIEW,
        subscriber_id=1,
        object_id=issue.id,
        mailing_id=1,
        issued_at=NOON,
        payload=encode_picks([5, 4, 3], highest=frozen.highest),
    )
    return {
        "archive": "/archive/daily",
        "search without result": "/archive/daily?q=nothing-like-it",
        "issue": f"/archive/daily/{issue.number}",
        "view": f"/v/{sign_link(token, test_clicks.ring_of(app))}",
        "withdrawn": test_clicks.link(app, issue, 2),
        "unknown": "/nothing",
    }


@pytest.mark.usefixtures("at_desk")
def test_pages_of_readers(app: App, web: TestClient, page: Page) -> None:
    paths = {"form": "/subscribe/daily"} | reader_paths(app) | issue_paths(app)
    answers = {name: web.get(path, headers=test_clicks.BROWSER) for name, path in paths.items()}
    form = re.search(r'name="form" value="([^"]+)"', answers["form"].text)
    assert form
    wish = {"newsletter": "daily", "form": form[1]}
    app.clock.advance(timedelta(seconds=5))  # type: ignore[attr-defined]
    answers["form with error"] = web.post("/subscribe", data=wish | {"address": "nobody"})
    answers["check your mail"] = web.post("/subscribe", data=wish | {"address": "eve@example.com"})
    answers["preferences with error"] = web.post(paths["PREFERENCES"], data={"action": "save"})
    answers["saved"] = web.post(paths["PREFERENCES"], data={"action": "save", "topic": "sport"})
    answers["confirmed"] = web.post(paths["CONFIRM"], data={"action": "confirm"})
    with app.transaction() as session:
        session.query(Subscriber).update({"language": "ar"})
    for name in ("PREFERENCES", "UNSUBSCRIBE"):
        answers[f"{name}, right to left"] = web.get(paths[name], headers=test_clicks.BROWSER)
        assert '<html lang="ar" dir="rtl"' in answers[f"{name}, right to left"].text
    answers["left"] = web.post(paths["UNSUBSCRIBE"], data={"leave": "this"})

    special = {"withdrawn": 410, "unknown": 404, "form with error": 422, "preferences with error": 422}
    assert {n: a.status_code for n, a in answers.items()} == {n: special.get(n, 200) for n in answers}
    judge(page, {name: answer.text for name, answer in answers.items()})


def test_pages_and_mail_of_the_desk(at_desk: Desk, page: Page) -> None:  # noqa: F811
    at_desk.tell()
    approve, veto = at_desk.links()
    shown = {"approve": at_desk.web.get(approve), "veto": at_desk.web.get(veto)}
    shown["approved"] = at_desk.web.post(approve, data={"action": "approve"})
    shown["used"] = at_desk.web.get(approve)
    at_desk.change(arranging.name, ["Another subject"])
    shown["changed"] = at_desk.web.get(veto)
    html = message_from_bytes(at_desk.sink.to(ADA)[0].message, policy=policy.default).get_body(("html",))
    assert html

    assert "has changed" in shown["changed"].text
    judge(page, {name: answer.text for name, answer in shown.items()})
    judge(page, {"mail": str(html.get_content())}, OUTSIDE_MAIL)


def test_mails(page: Page) -> None:
    environment = Environment()
    asked, asked_in_arabic = (
        confirmation(
            environment,
            identity=issues.identity(),
            newsletters=["The Daily", "The Weekly"],
            confirm_url="https://news.example.com/c/x",
            block_url="https://news.example.com/n/x",
            language=language,
            expires_on=NOON.date(),
        )
        for language in ("en", "ar")
    )
    alert = {"text": "The feed is gone.", "code": "source_silent", "since": "2026-11-30 12:00"}
    mails = {
        "digest": digest_of(full_issue()),
        "digest, right to left": digest_of(full_issue(), "ar"),
        "confirmation, right to left": asked_in_arabic.html,
        "fallback": digest_of(full_issue(is_fallback=True)),
        "confirmation": asked.html,
        "alert": alert_mail.alert(environment, alerts=[alert, alert], more_count=2).html,
    }
    judge(page, mails, OUTSIDE_MAIL)


def test_the_inbox_of_the_demo(inbox: Inbox, page: Page) -> None:  # noqa: F811
    wrong = []
    page.goto(inbox.url)
    wrong += [f"empty: {each}" for each in found(page)]
    inbox.submit(html='<html lang="en"><head><title>News</title></head><body><p>Hello</p></body></html>')
    for path in ("/", "/m/1", "/m/1?view=headers", "/m/1?view=source", "/m/99"):
        page.goto(inbox.url + path)
        wrong += [f"{path}: {each}" for each in found(page)]
    assert not wrong, "\n".join(wrong)
