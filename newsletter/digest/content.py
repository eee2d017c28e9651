"""Freeze what an issue is made of: the newsletter as it is now, and the ranked candidates."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from newsletter.domain import schedules, selection
from newsletter.domain.rendered import FrozenIssue, FrozenStory, FrozenTopic
from newsletter.domain.subscriptions import REACH, Cadence
from newsletter.store import Session, articles, issues, newsletters
from newsletter.store.articles import ArticleRow
from newsletter.store.tables import Newsletter

# The newest so many articles are candidates: enough for readers of one topic out of many, and three styles of each
# are rendered in a few seconds.
CANDIDATE_MAXIMUM = 150
LATE_ARRIVAL = timedelta(
    minutes=10
)  # a fetch and its storing take a minute at most; the rest is for slow clocks
LONGEST_REACH = max(reach for reach in (REACH[cadence] for cadence in Cadence) if reach is not None)


def freeze(
    session: Session,
    newsletter: Newsletter,
    *,
    issue_id: int,
    number: int,
    since: datetime,
    cut_off_at: datetime,
    nonce: str,
) -> FrozenIssue:
    """Return the content of an issue as of now; it changes nothing.

    Articles seen after ``since`` are fresh, and those seen shortly before that the issue of ``since`` does not
    have: they were being stored while it was built. Older ones are candidates for readers who get the newsletter
    rarely.
    """
    start = min(since - LATE_ARRIVAL, cut_off_at - LONGEST_REACH)
    rows = articles.candidates(session, newsletter.id, since=start, until=cut_off_at)
    carried = issues.carried_numbers(session, newsletter.id, cut_off_at=since)
    return assemble(
        session,
        newsletter,
        ranked([_story(row, is_fresh=_is_fresh(row, since, carried)) for row in rows]),
        issue_id=issue_id,
        number=number,
        cut_off_at=cut_off_at,
        nonce=nonce,
    )


def recent(
    session: Session, newsletter: Newsletter, *, number: int, cut_off_at: datetime, nonce: str
) -> FrozenIssue:
    """Return a sample of the newest articles, whether they were mailed or not: for looking at, never for readers."""
    rows = articles.search(session, newsletter.id, limit=newsletter.story_maximum)
    kept = [row for row in rows if row.article.retracted_at is None]
    stories = ranked([_story(row, is_fresh=True) for row in kept])
    return assemble(
        session, newsletter, stories, issue_id=0, number=number, cut_off_at=cut_off_at, nonce=nonce
    )


def assemble(
    session: Session,
    newsletter: Newsletter,
    stories: tuple[FrozenStory, ...],
    *,
    issue_id: int,
    number: int,
    cut_off_at: datetime,
    nonce: str,
) -> FrozenIssue:
    """Put an issue together from a newsletter and its stories, given in the order of the mail."""
    topics = newsletters.topics(session, newsletter.id, with_retired=True)
    return FrozenIssue(
        issue_id=issue_id,
        number=number,
        issued_on=cut_off_at.astimezone(schedules.zone(newsletter.zone)).date(),
        nonce=nonce,
        identity=newsletters.identity(newsletter),
        topics=tuple(FrozenTopic(number=each.number, slug=each.slug, name=each.name) for each in topics),
        stories=stories,
        highest=max((story.number for story in stories), default=0),
        story_maximum=newsletter.story_maximum,
        cut_off_at=cut_off_at,
    )


def ranked(stories: Iterable[FrozenStory]) -> tuple[FrozenStory, ...]:
    """Return the candidates in the order of the mail, at most CANDIDATE_MAXIMUM of them."""
    by_number = {story.number: story for story in stories}
    order = selection.rank(story.candidate for story in by_number.values())
    return tuple(by_number[candidate.number] for candidate in order[:CANDIDATE_MAXIMUM])


def _is_fresh(row: ArticleRow, since: datetime, carried: frozenset[int]) -> bool:
    return row.seen_at > since or (row.seen_at > since - LATE_ARRIVAL and row.article.number not in carried)


def _story(row: ArticleRow, *, is_fresh: bool) -> FrozenStory:
    article = row.article
    return FrozenStory(
        number=article.number,
        article_id=article.id,
        topics=row.topics,
        seen_at=row.seen_at,
        is_fresh=is_fresh,
        title=article.title,
        summary=article.summary,
        url=article.url,
        canonical_url=article.canonical_url,
        author=article.author,
        image_url=article.image_url,
        image_width=article.image_width,
        image_height=article.image_height,
        image_alt=article.image_alt,
        published_at=article.published_at,
    )
