"""From a planned issue to a mail to the desk, and from its links to decisions: once, and only for what was shown."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from fastapi.testclient import TestClient

from newsletter.digest import arranging, build, desk, editing, editors, plan, telling
from newsletter.digest import newsletters as publishing
from newsletter.domain.editors import Role
from newsletter.domain.issues import IssueStatus, OnSilence
from newsletter.sending import notices as notifying
from newsletter.store import alerts, audit, issues
from newsletter.store.tables import Issue
from newsletter.transports.smtp import Relay, SmtpTransport
from newsletter.wiring import App
from tests.builders import EDITOR, add_article, add_newsletter
from tests.clocks import NOON, FixedClock
from tests.services.sink import Sink

HOUR = timedelta(hours=1)
ADA, BEN = "ada@post.example.com", "ben@post.example.com"


@dataclass
class Desk:
    """Hold an issue that is planned for an hour after noon, and the mails of its desk."""

    app: App
    web: TestClient
    clock: FixedClock
    sink: Sink
    issue_id: int

    @property
    def issue(self) -> Issue:
        with self.app.reading() as session:
            return issues.get(session, self.issue_id)

    def tell(self) -> int:
        """Do what the beat does, and submit what is due."""
        telling.look_after(self.app.transaction, now=self.clock.now())
        relay = Relay(host="127.0.0.1", port=self.sink.port, tls="off", timeout=5)
        with closing(SmtpTransport(relay)) as transport:
            return notifying.submit_due(
                transactions=self.app.transaction,
                transport=transport,
                pace=self.app.pace(),
                environment=self.app.environment,
                settings=self.app.settings,
                clock=self.clock,
                holder="worker",
            )

    def mail(self, address: str = ADA) -> EmailMessage:
        """Return the newest mail to an address."""
        return message_from_bytes(self.sink.to(address)[-1].message, policy=policy.default)

    def links(self, address: str = ADA) -> tuple[str, str]:
        """Return the paths of the newest mail: approve, veto."""
        approve, veto = re.findall(r"https://news\.example\.com(/d/[\w-]+)", text_of(self.mail(address)))
        return approve, veto

    def build(self) -> None:
        with self.app.reading() as session:
            at = issues.get(session, self.issue_id).cut_off_at
        build.build(self.app.transaction, self.issue_id, environment=self.app.environment, now=at)
        assert self.issue.status is IssueStatus.BUILT

    def change(self, step: Callable[..., Issue], *given: object) -> Issue:
        with self.app.transaction() as session:
            return step(session, self.issue_id, *given, actor=EDITOR, now=self.clock.now())


def is_approved(at_desk: Desk) -> bool:
    return at_desk.issue.approved_revision is not None


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


@pytest.fixture
def at_desk(app: App, web: TestClient, clock: FixedClock, sink: Sink) -> Desk:
    """Plan an issue of a newsletter whose desk wants mail: Ada may send, Ben drafts, Zoe is for another one."""
    with app.transaction() as session:
        daily = add_newsletter(session, rules="desk: {mail: true}\n", on_silence=OnSilence.HOLD)
        add_newsletter(session, slug="weekly")
        for name, role, slugs in (
            ("Ada", Role.SEND, ()),
            ("Ben", Role.DRAFT, ()),
            ("Zoe", Role.SEND, ["weekly"]),
        ):
            address = f"{name.lower()}@post.example.com"
            editors.add(session, name=name, address=address, role=role, slugs=slugs, actor=EDITOR, now=NOON)
        for title in ("Ferry & <tide>", "Eels are back"):
            add_article(session, daily, title=title, seen_at=NOON - HOUR)
        schedule = publishing.add_schedule(session, daily, cron="0 13 * * *", now=NOON)
        issue = issues.add(
            session,
            daily.id,
            since=NOON - HOUR,
            cut_off_at=NOON + HOUR,
            now=NOON,
            schedule_id=schedule.id,
            slot_at=NOON + HOUR,
        )
        assert issue is not None
    return Desk(app, web, clock, sink, issue.id)


@pytest.mark.parametrize("is_retracted", [True, False])
def test_what_was_planned_by_hand_says_that_its_approval_is_void(
    at_desk: Desk, *, is_retracted: bool
) -> None:
    with at_desk.app.transaction() as session:
        newsletter_id = issues.get(session, at_desk.issue_id).newsletter_id
        issues.require_move(session, at_desk.issue_id, IssueStatus.CANCELLED)
        at_desk.issue_id = plan.plan_now(session, newsletter_id, now=NOON).id
    at_desk.build()
    at_desk.change(desk.approve)
    assert at_desk.tell() == 0

    with at_desk.app.transaction() as session:
        if is_retracted:
            editing.retract(session, 1, actor=EDITOR, now=NOON)
    if not is_retracted:
        at_desk.change(arranging.annotate, "Good morning")
    at_desk.build()
    at_desk.clock.advance(HOUR)

    assert (at_desk.tell(), at_desk.tell()) == (1, 0)
    text = " ".join(text_of(at_desk.mail()).split())
    why = "an article was retracted (Ferry & <tide>)" if is_retracted else "changed by editor"
    assert "is ready and waits for an approval. It was approved, and then" in text
    assert f"{why}: that approval does not count any more. Without an approval it does not go out." in text
    with at_desk.app.reading() as session:
        (alert,) = alerts.recent(session, now=at_desk.clock.now())
        assert "after editor had approved it" in alert.text
        assert f"newsletter issues approve {at_desk.issue_id}" in alert.text

    at_desk.change(desk.approve)
    assert at_desk.tell() == 0
    with at_desk.app.reading() as session:
        assert alerts.recent(session, now=at_desk.clock.now()) == []


def test_a_planned_issue_is_mailed_once_to_those_who_may_decide(at_desk: Desk) -> None:
    assert (at_desk.tell(), at_desk.tell()) == (1, 0)

    mail = at_desk.mail()
    html = mail.get_body(("html",))
    assert html is not None
    assert [received.rcpt_to for received in at_desk.sink.messages] == [ADA]
    assert mail["Subject"] == "The Daily, issue 1: your word, please"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert all(title in text_of(mail) for title in ("* Ferry & <tide>", "* Eels are back"))
    assert "Without an approval it does not go out." in text_of(mail).replace("\n", " ")
    assert "Ferry &amp; &lt;tide&gt;" in html.get_content()


def test_the_approve_link_works_once_and_only_by_its_button(at_desk: Desk) -> None:
    at_desk.tell()
    approve, veto = at_desk.links()

    looked = [at_desk.web.get(approve), at_desk.web.head(approve), at_desk.web.get(veto)]
    wrong = at_desk.web.post(approve, data={"action": "veto"})
    assert not is_approved(at_desk)
    pressed = at_desk.web.post(approve, data={"action": "approve"})
    again = at_desk.web.post(approve, data={"action": "approve"})

    assert [page.status_code for page in (*looked, wrong, pressed, again)] == [200, 200, 200, 200, 200, 409]
    assert "Ferry &amp; &lt;tide&gt;" in looked[0].text
    assert "Issue 1 is approved" in pressed.text
    assert "This link has been used" in again.text
    assert (at_desk.issue.approved_by, at_desk.issue.approved_revision) == ("Ada", 1)
    with at_desk.app.reading() as session:
        [event] = audit.listing(session, issue_id=at_desk.issue_id)
        assert (event.by, event.way, event.action) == ("Ada", "mail", "approve")
    at_desk.clock.advance(HOUR)
    build.build(
        at_desk.app.transaction,
        at_desk.issue_id,
        environment=at_desk.app.environment,
        now=at_desk.clock.now(),
    )
    with at_desk.app.reading() as session:
        assert desk.ready(session) == [at_desk.issue_id]


def test_who_decides_by_a_link_can_see_the_note_and_the_whole_mail(at_desk: Desk) -> None:
    at_desk.change(arranging.annotate, "Good <morning>.")
    at_desk.tell()
    approve, _ = at_desk.links()

    page = at_desk.web.get(approve)
    mail = at_desk.web.get(f"{approve}/mail")
    forged = at_desk.web.get(f"{approve[:-1]}x/mail")

    assert "Good <morning>." in text_of(at_desk.mail())
    assert "Good &lt;morning&gt;." in page.text
    assert f'href="{approve}/mail"' in page.text
    assert all(part in mail.text for part in ("Good &lt;morning&gt;.", "What happened in: Eels are back."))
    assert "default-src 'none'" in mail.headers["content-security-policy"]
    assert mail.headers["cache-control"] == "no-store"
    assert forged.status_code != 200
    assert not is_approved(at_desk)


def test_a_veto_by_mail_stops_the_issue(at_desk: Desk) -> None:
    at_desk.tell()
    approve, veto = at_desk.links()

    at_desk.web.post(veto, data={"action": "veto"})
    late = at_desk.web.post(approve, data={"action": "approve"})

    assert (at_desk.issue.status, at_desk.issue.reason) == (IssueStatus.CANCELLED, "vetoed")
    assert (late.status_code, "nothing to decide" in late.text) == (409, True)


def test_a_link_does_not_decide_about_what_has_changed_and_new_ones_can_be_had(at_desk: Desk) -> None:
    at_desk.tell()
    approve, _ = at_desk.links()
    at_desk.change(arranging.name, ["Another subject"])

    page = at_desk.web.get(approve)
    refused = at_desk.web.post(approve, data={"action": "approve"})
    assert not is_approved(at_desk)
    asked = [at_desk.web.post(approve, data={"action": "again"}) for _ in range(2)]
    at_desk.tell()
    renewed, _ = at_desk.links()

    assert "The issue has changed" in page.text
    assert "Another subject" in page.text
    assert [refused.status_code, *(each.status_code for each in asked)] == [409, 200, 409]
    assert len(at_desk.sink.to(ADA)) == 2
    assert at_desk.web.post(renewed, data={"action": "approve"}).status_code == 200
    assert at_desk.issue.approved_revision == 2


def test_an_issue_that_silence_holds_is_told_of_again(at_desk: Desk) -> None:
    at_desk.tell()
    now = at_desk.clock.advance(HOUR)
    build.build(at_desk.app.transaction, at_desk.issue_id, environment=at_desk.app.environment, now=now)

    assert (at_desk.tell(), at_desk.tell()) == (1, 0)
    approve, _ = at_desk.links()
    at_desk.web.post(approve, data={"action": "approve"})

    assert "nobody has approved it" in text_of(at_desk.mail()).replace("\n", " ")
    assert at_desk.issue.status is IssueStatus.BUILT


def test_who_may_no_longer_decide_is_refused(at_desk: Desk) -> None:
    at_desk.tell()
    approve, veto = at_desk.links()
    with at_desk.app.transaction() as session:
        editors.disable(session, "Ada", actor=EDITOR, now=NOON)

    answers = [
        at_desk.web.get(approve),
        at_desk.web.post(approve, data={"action": "approve"}),
        at_desk.web.post(veto, data={"action": "veto"}),
        at_desk.web.get("/d/AAAA"),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403, 404]
    assert not is_approved(at_desk)
