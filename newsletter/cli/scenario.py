"""Play what a publisher and its readers do, over the same roads: feeds, webhook, mail, links."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlencode, urlsplit

from newsletter.cli import acting
from newsletter.cli.tree import Inbox
from newsletter.digest import desk as decisions
from newsletter.digest import newsletters as desk
from newsletter.digest import plan
from newsletter.digest.newsletters import NewsletterDraft
from newsletter.domain import webhooks
from newsletter.domain.errors import NewsletterError
from newsletter.domain.issues import IssueStatus
from newsletter.domain.mailings import Receipt
from newsletter.embedded import inbox
from newsletter.embedded.inbox import Entry
from newsletter.embedded.supervisor import Supervisor
from newsletter.ingest import sources as feeds
from newsletter.reporting import receipts
from newsletter.runtime import ids
from newsletter.store import articles, issues, keys, mailings, newsletters, sources
from newsletter.store.tables import KeyPurpose
from newsletter.wiring import App

_LOOK_EVERY = 0.05  # seconds
_PATIENCE = 60.0  # seconds for each step; on an idle machine the longest takes three
_CONFIRM_LINK = re.compile(r"https?://\S+/c/[A-Za-z0-9_-]+")


class DemoStuck(NewsletterError):
    """Say that a step did not end; the logs in the demo's folder tell why."""


class Interrupted(Exception):
    """Say that somebody pressed Ctrl-C."""


@dataclass(frozen=True)
class DemoReader:
    """Somebody who signs up; no topics = all."""

    name: str
    address: str
    topics: tuple[str, ...] = ()


class Scenario:
    """Play one story on a running tree; every wait looks after the processes."""

    def __init__(self, service: App, tree: Supervisor, caught: Inbox, *, stop: threading.Event) -> None:
        """Take the parts that play."""
        self._service = service
        self._tree = tree
        self._mailbox = caught.mailbox
        self._stop = stop
        self._url = service.settings.public_url

    def add_newsletter(
        self,
        draft: NewsletterDraft,
        *,
        topics: Sequence[tuple[str, str]],
        feed_urls: Sequence[str],
        cron: str,
    ) -> None:
        """Set a newsletter up and ask workers to read its feeds."""
        service, now = self._service, self._service.clock.now()
        with service.transaction() as session:
            newsletter = desk.add(session, draft, now=now)
            for slug, name in topics:
                desk.add_topic(session, newsletter, slug=slug, name=name)
            desk.add_schedule(session, newsletter, cron=cron, now=now)
            added = [
                feeds.add(session, newsletter, url, include_existing=True, now=now).id for url in feed_urls
            ]
        for source_id in added:
            service.bell.ring("newsletter.poll", source_id)

    def await_web(self) -> None:
        """Wait until the web process can work."""
        self._wait("the web process", lambda: self._status("/readyz") == 200)

    def await_articles(self, newsletter: str) -> int:
        """Wait until every feed has been read; return how many articles there are."""
        self._wait("the feeds", self._are_read)
        with self._service.reading() as session:
            found = newsletters.by_slug(session, newsletter)
            return len(articles.search(session, found.id, limit=1000))

    def sign_up(self, readers: Sequence[DemoReader], newsletter: str) -> None:
        """Post each reader to the signed webhook, as the website's backend would."""
        with self._service.reading() as session:
            ring = keys.ring(session, KeyPurpose.HOOKS)
        for reader in readers:
            body = json.dumps(
                {
                    "address": reader.address,
                    "name": reader.name,
                    "newsletters": [newsletter],
                    "topics": list(reader.topics),
                    "consent": {"form_text": "Yes, send me the newsletter.", "form_version": "demo"},
                }
            ).encode()
            headers = webhooks.sign(
                ring.keys[ring.newest],
                delivery_id=ids.unique_id(),
                sent_at=self._service.clock.now(),
                body=body,
            )
            self._post("/hooks/signup", body, {**headers, "Content-Type": "application/json"}, expected=202)

    def confirm(self, readers: Sequence[DemoReader]) -> None:
        """Wait for each confirmation mail, and press the button behind its link."""
        waiting = {reader.address for reader in readers}
        seen: set[int] = set()

        def all_confirmed() -> bool:
            for entry in self._mailbox.entries():
                if entry.number not in seen and set(entry.rcpt_to) & waiting:
                    seen.add(entry.number)
                    self._press(entry)
                    waiting.difference_update(entry.rcpt_to)
            return not waiting

        self._wait("the confirmation mails", all_confirmed)

    def mail_issue(self, newsletter: str) -> Receipt:
        """Plan an issue, let the workers build and mail it, and wait until everybody has a result."""
        service = self._service
        with service.transaction() as session:
            found = newsletters.by_slug(session, newsletter)
            issue_id = plan.plan_now(session, found.id, now=service.clock.now()).id
            decisions.approve(session, issue_id, actor=acting.actor("demo"), now=service.clock.now())
        service.bell.ring("newsletter.build", issue_id)
        self._wait("the issue", lambda: self._is_mailed(issue_id))
        with service.reading() as session:
            mailing = mailings.of_issue(session, issue_id)
            assert mailing is not None  # it has just been seen finished
            return receipts.receipt(session, mailing.id)

    def _press(self, entry: Entry) -> None:
        text = inbox.text_of(self._mailbox.parsed(entry.number))
        link = _CONFIRM_LINK.search(text)
        if link is None:
            raise NewsletterError("A confirmation mail holds no link.", hint=f"It is message {entry.number}.")
        form = urlencode({"action": "confirm"}).encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        self._post(urlsplit(link[0]).path, form, kind, expected=200)

    def _are_read(self) -> bool:
        with self._service.reading() as session:
            found = sources.listing(session)
        for source in found:
            if source.last_error:
                raise NewsletterError(
                    f"The feed {source.url} cannot be read: {source.last_error_text or source.last_error}",
                    hint="Give the address of an RSS, Atom, RDF or JSON feed that everybody can reach.",
                    reason=source.last_error,
                )
        return all(source.first_import_at for source in found)

    def _is_mailed(self, issue_id: int) -> bool:
        with self._service.reading() as session:
            issue = issues.get(session, issue_id)
            mailing = mailings.of_issue(session, issue_id)
        if issue.fault or issue.status is IssueStatus.SKIPPED:
            raise NewsletterError(
                f"The issue was not mailed: {issue.fault or (issue.reason or '').replace('_', ' ')}.",
                hint="Give a feed that has articles.",
            )
        return mailing is not None and mailing.finished_at is not None

    def _wait(self, what: str, condition: Callable[[], bool]) -> None:
        deadline = self._service.clock.monotonic() + _PATIENCE
        while not condition():
            if self._stop.is_set():
                raise Interrupted
            if self._service.clock.monotonic() > deadline:
                raise DemoStuck(
                    f"Waited {_PATIENCE:.0f} seconds in vain for {what}.",
                    hint=f"See what the processes say in {self._service.settings.data_dir / 'logs'}.",
                )
            self._tree.look()
            time.sleep(_LOOK_EVERY)

    def _status(self, path: str) -> int:
        connection = self._connect()
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, HTTPException):
            return 0  # nobody listens yet
        finally:
            connection.close()

    def _post(self, path: str, body: bytes, headers: dict[str, str], *, expected: int) -> None:
        connection = self._connect()
        try:
            connection.request("POST", path, body=body, headers=headers)
            answer = connection.getresponse()
            said = answer.read(2000).decode("utf-8", "replace")
        finally:
            connection.close()
        if answer.status != expected:
            raise NewsletterError(f"POST {path.split('/')[1]} was answered with {answer.status}: {said}")

    def _connect(self) -> HTTPConnection:
        return HTTPConnection(urlsplit(self._url).netloc, timeout=10)
