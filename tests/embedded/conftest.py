"""Run an inbox."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from newsletter.embedded.inbox import CatchAll, Mailbox
from newsletter.embedded.inbox_page import Page
from tests.clocks import FixedClock


@dataclass(frozen=True)
class Inbox:
    """Hold one running inbox."""

    mailbox: Mailbox
    smtp_port: int
    url: str

    def submit(
        self, *, subject: str = "Tide barrier opens", to: str = "ada@example.com", html: str = ""
    ) -> None:
        """Hand one message over by SMTP."""
        message = EmailMessage()
        message["From"] = "The Harbour Post <post@harbour.example>"
        message["To"] = to
        message["Subject"] = subject
        message["Message-ID"] = "<m1@news.harbour.example>"
        message.set_content("The last gate moved at dawn.\n")
        if html:
            message.add_alternative(html, subtype="html")
        with smtplib.SMTP("127.0.0.1", self.smtp_port) as client:
            client.send_message(message, "b-1@in.harbour.example", [to])

    def get(self, path: str, *, host: str = "") -> tuple[HTTPResponse, str]:
        """Read one page."""
        connection = HTTPConnection(urlsplit(self.url).netloc)
        connection.request("GET", path, headers={"Host": host} if host else {})
        answer = connection.getresponse()
        return answer, answer.read().decode()


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    mailbox = Mailbox(tmp_path / "inbox", clock=FixedClock())
    smtp = CatchAll(mailbox, host="127.0.0.1", port=0)
    page = Page(mailbox, host="127.0.0.1", port=0, clock=FixedClock())
    smtp.start()
    page.start()
    yield Inbox(mailbox, smtp.port, page.url)
    page.stop()
    smtp.stop()
