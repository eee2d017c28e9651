"""Read what the SMTP server got: which reader, of which mailing, with links to which articles."""

from __future__ import annotations

import html
import quopri
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from functools import cache

from sqlalchemy import select

from newsletter.domain.rendered import FrozenIssue
from newsletter.domain.selection import decode_picks
from newsletter.domain.tokens import read_click
from newsletter.store import Session, issues, keys
from newsletter.store.tables import KeyPurpose, Mailing, Message
from tests.replay.house import Arrival, House

_HREF = re.compile(rb'href=3D"(https?://[^"]+)"')


@dataclass(frozen=True)
class Told:
    """Hold one digest as it came: ``numbers`` are those of the articles that it links to, each once, in order.

    ``picks`` is what the ledger says of it. The ``subject`` is read where several are tested.
    """

    at: datetime
    reader: int
    address: str
    mailing: int
    numbers: tuple[int, ...]
    picks: frozenset[int]
    subject: str = ""


@dataclass(frozen=True)
class Evidence:
    """Hold all digests in the order in which they came, and the issues that they are of, by mailing."""

    told: Sequence[Told]
    issues: Mapping[int, FrozenIssue]
    newsletters: Mapping[int, int]

    def of_reader(self, reader: int) -> list[Told]:
        """Return what a reader got."""
        return [each for each in self.told if each.reader == reader]


def collect(house: House) -> Evidence:
    """Read every message; one that is no digest, such as a confirmation, is left out."""
    with house.database.reading() as session:
        rows = session.scalars(select(Mailing)).all()
        frozen = {row.id: issues.frozen(issues.get(session, row.issue_id)) for row in rows}
        read = _Reading(house, session, frozen, {row.id: row.highest for row in rows})
        told = [found for arrival in house.arrivals if (found := read.of(arrival)) is not None]
    return Evidence(told, frozen, {row.id: row.newsletter_id for row in rows})


def subject_of(message: bytes) -> str:
    """Return the subject as a mail client shows it."""
    head, _, _ = message.partition(b"\r\n\r\n")
    return str(message_from_bytes(head, policy=policy.default)["Subject"])


def hrefs_of(message: bytes) -> list[bytes]:
    """Return the addresses that a mail links to, as they stand in it."""
    return _HREF.findall(message.replace(b"=\r\n", b""))


class _Reading:
    def __init__(
        self, house: House, session: Session, frozen: Mapping[int, FrozenIssue], highest: Mapping[int, int]
    ) -> None:
        settings = house.service.settings
        self._paths = keys.return_paths(
            session, inbound_domain=settings.inbound_domain, message_domain=settings.message_domain
        )
        self._numbers = {mailing: _numbers(issue) for mailing, issue in frozen.items()}
        self._frozen = frozen
        self._links = keys.ring(session, KeyPurpose.LINKS)
        self._counted = f"{settings.public_url}/r/"
        self._highest = highest
        self._picks = {
            (row.mailing_id, row.subscriber_id): row.picks for row in session.scalars(select(Message)).all()
        }
        self._target: Callable[[bytes], str] = cache(target)

    def of(self, arrival: Arrival) -> Told | None:
        received = arrival.received
        trace = self._paths.of_recipient(received.mail_from, now=arrival.at)
        if trace is None or b"List-Unsubscribe-Post:" not in received.message:
            return None
        mailing, reader = trace.delivery.mailing_id, trace.delivery.subscriber_id
        known = self._numbers[mailing]
        urls = [self._target(href) for href in hrefs_of(received.message)]
        found = dict.fromkeys(n for url in urls if (n := self._number(url, mailing, known)) is not None)
        picks = decode_picks(self._picks[mailing, reader], highest=self._highest[mailing])
        subject = subject_of(received.message) if self._frozen[mailing].is_tested else ""
        return Told(arrival.at, reader, received.rcpt_to, mailing, tuple(found), frozenset(picks), subject)

    def _number(self, url: str, mailing: int, known: Mapping[str, int]) -> int | None:
        """Return the article that a link leads to, straight or counted; None for another link."""
        if not url.startswith(self._counted):
            return known.get(url)
        click = read_click(url.removeprefix(self._counted).split("/")[0], self._links)
        assert click.issue_id == self._frozen[mailing].issue_id
        assert click.number in known.values()
        return click.number


def _numbers(issue: FrozenIssue) -> dict[str, int]:
    """Return the number of each article that an issue can link to, by address."""
    more = {link.url: link.number for story in issue.stories for link in story.more}
    return more | {story.url: story.number for story in issue.stories}


def target(href: bytes) -> str:
    """Return an address as a browser reads it."""
    return html.unescape(quopri.decodestring(href).decode())
