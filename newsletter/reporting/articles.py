"""Say of an article where it came from, which story it tells, and what became of it in each issue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.domain import ranking
from newsletter.domain.errors import NotFound
from newsletter.domain.issues import IssueStatus, Verdict
from newsletter.domain.ranking import Rank
from newsletter.domain.stories import Piece, group
from newsletter.store import Session, articles, newsletters, rules, sources, stories, verdicts
from newsletter.store.tables import Article, Issue, IssueArticle, Newsletter, NewsletterArticle

ISSUES_SHOWN = 10
_SENTENCES = {
    Verdict.CANDIDATE: "stands at place {place} of the candidates",
    Verdict.PINNED: "pinned: stands at place {place} of the candidates",
    Verdict.SAME_STORY: "told by article {lead} of the same story",
    Verdict.MISSED: "told once more, under what readers may have missed",
    Verdict.BANNED: "banned from this issue at the desk",
    Verdict.RETRACTED: "retracted",
    Verdict.BEYOND_CANDIDATES: "ranked behind the last candidate",
    Verdict.BACKLOG: "held by its source when that was first read, or joined with another article",
    Verdict.OLD: "too old to be news when it was first seen",
    Verdict.NOT_YET: "dated later than the cut-off",
    Verdict.OUT_OF_REACH: "seen before what any cadence reaches back to",
}
_ROLLS_OVER = {Verdict.CANDIDATE, Verdict.PINNED, Verdict.SAME_STORY, Verdict.BEYOND_CANDIDATES}


@dataclass(frozen=True, kw_only=True)
class Placed:
    """Hold an article's place in one newsletter, and the others of its story as they would be grouped now."""

    newsletter: str
    seen_at: datetime
    topics: tuple[str, ...]
    section: str | None
    weight: int
    untold: str | None
    story: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class InIssue:
    """Hold what became of an article in one issue, in words."""

    issue: int
    newsletter: str
    number: int
    status: IssueStatus
    verdict: Verdict
    sentence: str
    ranked_by: str
    links: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Why:
    """Hold all that is known of what becomes of an article."""

    article: Article
    source: str
    places: tuple[Placed, ...]
    issues: tuple[InIssue, ...]


def why(session: Session, article_id: int, *, now: datetime) -> Why:
    """Say where an article came from and what became of it; raise NotFound."""
    article = articles.get(session, article_id)
    if article is None:
        raise NotFound(
            f"There is no article {article_id}.",
            hint="See them with: newsletter articles list",
            reason="unknown_article",
        )
    return Why(
        article=article,
        source=_source(session, article),
        places=tuple(
            _placed(session, article, place, now=now) for place in articles.places(session, article_id)
        ),
        issues=tuple(
            InIssue(
                issue=issue.id,
                newsletter=newsletters.get(session, issue.newsletter_id).slug,
                number=issue.number,
                status=issue.status,
                verdict=judged.verdict,
                sentence=_sentence(issue, judged),
                ranked_by=ranking.sentence(Rank.from_dict(judged.detail))
                if "number" in judged.detail
                else "",
                links=tuple(
                    f"with article {other}: {said}" for other, said in judged.detail.get("links", ())
                ),
            )
            for issue, judged in verdicts.of_article(session, article_id, limit=ISSUES_SHOWN)
        ),
    )


def _source(session: Session, article: Article) -> str:
    source = sources.get(session, article.source_id) if article.source_id is not None else None
    return "pushed by the website" if source is None else source.url


def _placed(session: Session, article: Article, place: NewsletterArticle, *, now: datetime) -> Placed:
    newsletter = newsletters.get(session, place.newsletter_id)
    topics = newsletters.topics(session, newsletter.id, with_retired=True)
    return Placed(
        newsletter=newsletter.slug,
        seen_at=place.seen_at,
        topics=tuple(topic.slug for topic in topics if place.topics >> topic.number & 1),
        section=next((topic.slug for topic in topics if topic.number == place.section), None),
        weight=place.weight,
        untold=(place.reason or "backlog") if place.is_backlog else None,
        story=_story(session, newsletter, article, place, now=now),
    )


def _story(
    session: Session, newsletter: Newsletter, article: Article, place: NewsletterArticle, *, now: datetime
) -> tuple[str, ...]:
    """Group the articles around this one, and say with which of them it is one story and why."""
    found = rules.of(newsletter).stories
    reach = timedelta(hours=2 * found.window_hours)
    rows = stories.placed(session, newsletter.id, since=place.seen_at - reach, until=now)
    near = [
        row
        for row in rows
        if row.seen_at <= place.seen_at + reach and (not row.backlog or row.id == article.id)
    ]
    rulings = stories.rulings(session, [article.id])
    known = {row.id for row in near}
    near += stories.named(
        session, newsletter.id, {each for r in rulings for each in (r.first_id, r.second_id)} - known
    )
    pieces = [
        Piece(
            id=row.id,
            title=row.title,
            lead=row.summary,
            at=min(row.published_at or row.seen_at, row.seen_at),
            story_key=row.story_key or "",
        )
        for row in near
    ]
    grouped = group(pieces, found, rulings=stories.rulings(session, [row.id for row in near]))
    titles = {row.id: row.title for row in near}
    links = {link.other_than(article.id): link.sentence for link in grouped.links(article.id)}
    return tuple(
        f"article {other}, {titles[other]!r}: {links.get(other, 'by way of the others')}"
        for other in grouped.of(article.id)
        if other != article.id
    )


def _sentence(issue: Issue, judged: IssueArticle) -> str:
    place = "-" if judged.rank is None else judged.rank + 1
    said = _SENTENCES[judged.verdict].format(place=place, lead=judged.lead_id)
    if issue.status not in (IssueStatus.SKIPPED, IssueStatus.CANCELLED):
        return said
    why = f" ({issue.reason.replace('_', ' ')})" if issue.reason else ""
    then = "; it is left for the next one" if judged.verdict in _ROLLS_OVER else ""
    return f"{said}; the issue was {issue.status}{why}{then}"
