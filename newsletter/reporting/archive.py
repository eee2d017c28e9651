"""Show issues on the web: without a reader's address, name or links."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from newsletter.domain import clicks, layout, rendered
from newsletter.domain.errors import NotFound
from newsletter.domain.issues import IssueStatus
from newsletter.domain.layout import Placement
from newsletter.domain.rendered import BlockKind, FrozenIssue, FrozenStory, ReaderField
from newsletter.domain.subscriptions import Cadence
from newsletter.domain.tokens import KeyRing, LinkPurpose, sign_click
from newsletter.store import Session, blocks, issues, keys, newsletters
from newsletter.store.tables import Issue, KeyPurpose


@dataclass(frozen=True)
class ArchivedIssue:
    """Hold an issue as a web page."""

    title: str
    html: str


@dataclass(frozen=True)
class ArchiveEntry:
    """Hold a line of the archive's list."""

    number: int
    issued_on: date
    title: str
    summary: str


@dataclass(frozen=True)
class ArchivePage:
    """Hold a page of the archive's list; ``total`` counts all matching issues."""

    entries: tuple[ArchiveEntry, ...]
    total: int


def listing(
    session: Session, slug: str, *, search: str = "", limit: int = 20, offset: int = 0
) -> ArchivePage:
    """Return the mailed issues of a newsletter, the newest first; ``search`` looks into their stories."""
    newsletter = newsletters.by_slug(session, slug)
    found = issues.listing(
        session,
        newsletter_id=newsletter.id,
        status=IssueStatus.MAILED,
        search=search,
        limit=limit,
        offset=offset,
    )
    total = issues.count(session, newsletter_id=newsletter.id, status=IssueStatus.MAILED, search=search)
    return ArchivePage(tuple(_entry(issue) for issue in found), total)


def page(session: Session, slug: str, number: int, *, public_url: str) -> ArchivedIssue:
    """Return a mailed issue with its top stories of all topics; raise NotFound."""
    newsletter = newsletters.by_slug(session, slug)
    issue = issues.by_number(session, newsletter.id, number)
    return _shown(session, _mailed(issue), picks=None, public_url=public_url)


def view(session: Session, issue_id: int, picks: bytes, *, public_url: str) -> ArchivedIssue:
    """Return the stories that one reader's message has, as a page that names nobody; raise NotFound."""
    return _shown(session, _mailed(issues.get(session, issue_id)), picks=picks, public_url=public_url)


def _mailed(issue: Issue) -> Issue:
    if issue.status is not IssueStatus.MAILED:
        raise NotFound(
            "This issue is not published.",
            hint="Look at the archive of the newsletter.",
            reason="unknown_issue",
        )
    return issue


def _shown(session: Session, issue: Issue, *, picks: bytes | None, public_url: str) -> ArchivedIssue:
    frozen = issues.frozen(issue)
    gone = issues.retracted(session, [story.article_id for story in frozen.stories])
    stories = [story for story in _chosen(frozen, picks) if story.article_id not in gone]
    if not stories:
        raise NotFound("This issue has been taken back.", reason="retracted")
    kept = {
        Placement(block.kind, block.key, block.style): block.html
        for block in blocks.of_issue(session, issue.id, frozen.identity.language)
    }
    numbers = [story.number for story in stories]
    body = "".join(kept[placement] for placement in layout.of_issue(frozen, numbers, middle=BlockKind.WEB))
    if frozen.has_clicks:
        body = _counted(body, frozen, keys.ring(session, KeyPurpose.LINKS), public_url=public_url)
    title = layout.subject(stories, frozen.subjects)
    return ArchivedIssue(title, _filled(frozen, body, stories, public_url=public_url))


def _counted(body: str, frozen: FrozenIssue, ring: KeyRing, *, public_url: str) -> str:
    """Return a page whose links to articles are counted as those of a page and of no mail."""

    def link(found: re.Match[str]) -> str:
        token = sign_click(frozen.issue_id, int(found[1]), ring, key_number=ring.newest)
        return html.escape(f"{public_url}/{LinkPurpose.CLICK}/{token}/{clicks.FROM_WEB}")

    return rendered.story_marks(frozen.nonce).sub(link, body)


def _chosen(frozen: FrozenIssue, picks: bytes | None) -> Sequence[FrozenStory]:
    chooser = frozen.chooser()
    if picks is None:
        picks = chooser.choose(topics=0, cadence=Cadence.EVERY_ISSUE, history=0)
    by_number = {story.number: story for story in frozen.stories}
    return [by_number[number] for number in chooser.in_order(picks)]


def _filled(frozen: FrozenIssue, body: str, stories: Sequence[FrozenStory], *, public_url: str) -> str:
    values = dict.fromkeys(ReaderField, "") | {
        ReaderField.TITLE: layout.subject(stories, frozen.subjects),
        ReaderField.PREHEADER: layout.preheader(stories),
        ReaderField.SUBSCRIBE_URL: f"{public_url}/subscribe/{frozen.identity.slug}",
        ReaderField.ARCHIVE_URL: f"{public_url}/archive/{frozen.identity.slug}",
    }
    return rendered.marks(frozen.nonce).sub(lambda mark: html.escape(values[ReaderField(mark[1])]), body)


def _entry(issue: Issue) -> ArchiveEntry:
    frozen = issues.frozen(issue)
    stories = _chosen(frozen, None)
    title = layout.subject(stories, frozen.subjects)
    return ArchiveEntry(issue.number, frozen.issued_on, title, layout.preheader(stories))
