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
from newsletter.rendering.environment import Environment
from newsletter.rendering.theme import theme
from newsletter.store import Session, articles, blocks, issues, keys, newsletters
from newsletter.store.tables import Issue, KeyPurpose

# Frozen blocks say that they are an article inside a mail program; on a page of its own the same is its main part.
_OF_A_MAIL = 'role="article" aria-roledescription="email"'
_OF_A_PAGE = 'role="main"'


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
    return ArchivePage(tuple(_entry(session, issue) for issue in found), total)


def page(
    session: Session, slug: str, number: int, *, public_url: str, environment: Environment
) -> ArchivedIssue:
    """Return a mailed issue with its top stories of all topics; raise NotFound."""
    newsletter = newsletters.by_slug(session, slug)
    issue = _mailed(issues.by_number(session, newsletter.id, number))
    return _shown(session, issue, picks=None, public_url=public_url, environment=environment)


def view(
    session: Session,
    issue_id: int,
    picks: bytes,
    *,
    public_url: str,
    environment: Environment,
    language: str = "",
) -> ArchivedIssue:
    """Return the stories that one reader's message has, as a page that names nobody; raise NotFound.

    ``language`` is that of the message; the newsletter's stands in for one that the issue was not made in.
    """
    issue = _mailed(issues.get(session, issue_id))
    return _shown(
        session, issue, picks=picks, public_url=public_url, environment=environment, language=language
    )


def _mailed(issue: Issue) -> Issue:
    if issue.status is not IssueStatus.MAILED:
        raise NotFound(
            "This issue is not published.",
            hint="Look at the archive of the newsletter.",
            reason="unknown_issue",
        )
    return issue


def _shown(
    session: Session,
    issue: Issue,
    *,
    picks: bytes | None,
    public_url: str,
    environment: Environment,
    language: str = "",
) -> ArchivedIssue:
    frozen = issues.frozen(issue)
    chosen = _chosen(frozen, picks)
    stories = _standing(session, frozen, chosen)
    if not stories:
        raise NotFound("This issue has been taken back.", reason="retracted")
    numbers = [story.number for story in stories]
    spoken = frozen.made_in(language)
    kept = {
        Placement(block.kind, block.key, block.style): block.html
        for block in blocks.of_issue(session, issue.id, spoken, numbers=numbers)
    }
    *told, middle, foot = (kept[each] for each in layout.of_issue(frozen, numbers, middle=BlockKind.WEB))
    withdrawn = _withdrawn(environment, frozen, len(chosen) - len(stories), language=spoken)
    body = "".join([*told, withdrawn, middle, foot])
    if frozen.has_clicks:
        body = _counted(body, frozen, keys.ring(session, KeyPurpose.LINKS), public_url=public_url)
    title = layout.subject(stories, frozen.subjects)
    body = body.replace(_OF_A_MAIL, _OF_A_PAGE, 1)
    return ArchivedIssue(title, _filled(frozen, body, stories, public_url=public_url))


def _standing(session: Session, frozen: FrozenIssue, stories: Sequence[FrozenStory]) -> Sequence[FrozenStory]:
    """Return the stories of which no article that they name has been retracted: blocks are rendered with its name."""
    named = [number for story in stories for number in story.candidate.told]
    gone = articles.retracted_numbers(session, min(named, default=0), frozen.highest)
    return [story for story in stories if gone.isdisjoint(story.candidate.told)]


def _withdrawn(environment: Environment, frozen: FrozenIssue, count: int, *, language: str) -> str:
    """Return a row that says how many stories have been withdrawn since; "" when none was."""
    if not count:
        return ""
    identity = frozen.identity
    words = environment.words(language)
    sentence = words("web.archive.withdrawn", count=count)
    is_own = language == identity.language
    direction = identity.direction if is_own else words.direction
    look = theme(accent=identity.accent, background=identity.background, direction=direction)
    style = f"margin:0;font:14px/22px Arial,Helvetica,sans-serif;color:{look.muted_on_ground}"
    return (
        f'<tr><td class="foot" style="padding:26px 36px 0;text-align:{look.start}">'
        f'<p class="small" style="{style}">{html.escape(sentence)}</p></td></tr>\n'
    )


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


def _entry(session: Session, issue: Issue) -> ArchiveEntry:
    frozen = issues.frozen(issue)
    stories = _standing(session, frozen, _chosen(frozen, None))
    if not stories:
        return ArchiveEntry(issue.number, frozen.issued_on, frozen.identity.name, "")
    title = layout.subject(stories, frozen.subjects)
    return ArchiveEntry(issue.number, frozen.issued_on, title, layout.preheader(stories))
