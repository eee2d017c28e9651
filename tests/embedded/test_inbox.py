"""Test the catch-all inbox over real SMTP and HTTP."""

from __future__ import annotations

import json
import smtplib
from pathlib import Path

import pytest

from newsletter.embedded.inbox import CatchAll, Mailbox
from tests.clocks import FixedClock
from tests.embedded.conftest import Inbox

HOSTILE = '<html><head></head><body><script>document.title="run"</script><p>Hello</p></body></html>'


def test_a_message_is_kept_to_the_octet(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path, clock=FixedClock())
    smtp = CatchAll(mailbox, host="127.0.0.1", port=0)
    smtp.start()
    message = b"Subject: =?utf-8?q?K=C3=BCste?=\r\n\r\n.dot\r\n..dots\r\nend\r\n"

    with smtplib.SMTP("127.0.0.1", smtp.port) as client:
        client.sendmail("a@b.example", ["ada@example.com", "bo@example.com"], message)
    smtp.stop()

    [entry] = mailbox.entries()
    assert mailbox.raw(entry.number) == message
    assert (entry.subject, entry.rcpt_to) == ("Küste", ("ada@example.com", "bo@example.com"))


def test_the_messages_are_there_after_a_restart(tmp_path: Path) -> None:
    first = Mailbox(tmp_path, clock=FixedClock())
    kept = first.keep(
        mail_from="a@b.example", rcpt_to=["ada@example.com"], message=b"Subject: one\r\n\r\nx\r\n"
    )

    again = Mailbox(tmp_path, clock=FixedClock())
    later = again.keep(mail_from="", rcpt_to=["ada@example.com"], message=b"Subject: two\r\n\r\nx\r\n")

    assert again.entries() == [later, kept]


def test_the_list_shows_the_newest_first_and_can_be_searched(inbox: Inbox) -> None:
    inbox.submit(subject="Old tide")
    inbox.submit(subject="New tram", to="bo@example.com")

    _, whole = inbox.get("/")
    _, found = inbox.get("/messages.json?q=BO%40example")

    assert whole.index("New tram") < whole.index("Old tide")
    assert [entry["subject"] for entry in json.loads(found)] == ["New tram"]


def test_a_search_without_a_hit_says_so_and_escapes_what_was_typed(inbox: Inbox) -> None:
    inbox.submit()

    _, page = inbox.get("/?q=%3Cscript%3E")

    assert "Nothing holds" in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        ("html", 'src="/m/1/html?scheme=light"'),
        ("text", "The last gate moved at dawn."),
        ("headers", "Message-ID"),
        ("source", "Content-Type: multipart/alternative"),
    ],
)
def test_a_message_is_shown_in_four_views(inbox: Inbox, view: str, expected: str) -> None:
    inbox.submit(html="<p>Hello</p>")

    _, page = inbox.get(f"/m/1?view={view}")

    assert expected in page


def test_the_html_of_a_message_may_run_nothing(inbox: Inbox) -> None:
    inbox.submit(html=HOSTILE)

    answer, html = inbox.get("/m/1/html")

    policy = answer.getheader("Content-Security-Policy", "")
    assert "<p>Hello</p>" in html
    assert policy.startswith("sandbox ")
    assert "allow-scripts" not in policy
    assert "default-src 'none'" in policy


def test_the_dark_look_of_a_message_can_be_seen_on_a_light_machine(inbox: Inbox) -> None:
    inbox.submit(html="<head><style>@media (prefers-color-scheme: dark) { p { color: red } }</style></head>")

    _, dark = inbox.get("/m/1/html?scheme=dark")
    _, light = inbox.get("/m/1/html?scheme=light")

    assert "@media (min-width: 0)" in dark
    assert "@media (max-width: 0)" in light


def test_a_name_that_somebody_points_at_this_machine_is_refused(inbox: Inbox) -> None:
    inbox.submit()

    answer, body = inbox.get("/messages.json", host="rebound.example")

    assert answer.status == 421
    assert "ada@example.com" not in body


@pytest.mark.parametrize("path", ["/m/99", "/m/abc", "/../secret", "/m/1/nothing"])
def test_what_is_not_there_is_a_friendly_page(inbox: Inbox, path: str) -> None:
    answer, page = inbox.get(path)

    assert answer.status == 404
    assert "There is no such message" in page


def test_a_message_can_be_downloaded_as_received(inbox: Inbox) -> None:
    inbox.submit()

    answer, body = inbox.get("/m/1.eml")

    assert answer.getheader("Content-Disposition") == 'attachment; filename="message-1.eml"'
    assert body.encode() == inbox.mailbox.raw(1)


def test_a_broken_message_can_still_be_opened(inbox: Inbox) -> None:
    broken = b"Content-Type: text/plain; charset=no-such\r\nSubject: \xff\xfe\r\n\r\n\xff\r\n"
    inbox.mailbox.keep(mail_from="", rcpt_to=["a@example.com"], message=broken)

    statuses = [inbox.get(f"/m/1?view={view}")[0].status for view in ("text", "headers", "source")]

    assert statuses == [200, 200, 200]


@pytest.mark.parametrize(
    "message",
    [
        b"Content-Type: text/html; charset=utf-7\r\n\r\n<p>+2AA-</p>",
        b"Content-Type: text/html; charset=unicode_escape\r\n\r\n\\ud800",
        b"Content-Type: text/html; charset=idna\r\n\r\n\xff",
        b"Content-Type: text/html; charset=undefined\r\nSubject: =?undefined?q?a?=\r\n\r\nx",
        b"Content-Type: text/html\r\n\r\n<![endless kind]><p>x",
        b"From: =?utf-8?q?=00=0A=0D?= <a@example.com>\r\nSubject: =?unicode_escape?q?=5Cud800?=\r\n\r\nx",
    ],
)
def test_a_hostile_message_is_kept_and_shown(inbox: Inbox, message: bytes) -> None:
    inbox.mailbox.keep(mail_from="", rcpt_to=["a@example.com"], message=message)

    paths = [
        "/",
        "/messages.json",
        "/m/1/html",
        *(f"/m/1?view={view}" for view in ("text", "headers", "source")),
    ]

    assert [inbox.get(path)[0].status for path in paths] == [200] * len(paths)


@pytest.mark.parametrize(
    ("path", "host", "status"),
    [(f"/?page={'9' * 5000}", "", 200), ("//[", "", 404), ("/", "[", 421), ("/", "", 200)],
)
def test_what_is_no_address_or_number_is_answered(inbox: Inbox, path: str, host: str, status: int) -> None:
    answer, _ = inbox.get(path, host=host)

    assert answer.status == status


def test_the_list_shows_the_preheader_as_mail_programs_do(inbox: Inbox) -> None:
    inbox.submit(
        html="<head><title>no</title><style>p{}</style></head>"
        "<div style='display:none'>Also: the eels&#847;&zwnj;&nbsp;&#847;&zwnj;&nbsp;</div><p>Tide</p>"
    )

    [entry] = inbox.mailbox.entries()

    assert entry.preview == "Also: the eels Tide"
