"""Keep what became of each article when an issue was frozen, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any  # details are what JSON holds

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from newsletter.domain.issues import KEPT, IssueKind, Verdict
from newsletter.store.tables import Issue, IssueArticle, StoryMember


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Hold a verdict. ``rank`` counts candidates from 0; ``lead_id`` is the article that tells its story.

    ``detail`` holds what it was ranked by (domain/ranking.py) and, under ``links``, what ties it to its story.
    """

    article_id: int
    verdict: Verdict
    rank: int | None = None
    lead_id: int | None = None
    detail: dict[str, Any] = field(default_factory=dict)


def replace(
    session: Session, issue_id: int, judged: Iterable[Judged], *, members: Iterable[tuple[int, int]] = ()
) -> None:
    """Keep the verdicts of an issue, and the members of its stories, in the place of those of an earlier build."""
    forget(session, issue_id)
    rows = [
        {
            "issue_id": issue_id,
            "article_id": each.article_id,
            "verdict": each.verdict,
            "rank": each.rank,
            "lead_id": each.lead_id,
            "detail": each.detail,
        }
        for each in judged
    ]
    if rows:
        session.execute(insert(IssueArticle), rows)
    tied = [{"issue_id": issue_id, "lead_id": lead, "article_id": member} for lead, member in members]
    if tied:
        session.execute(insert(StoryMember), tied)


def forget(session: Session, issue_id: int) -> None:
    """Take back what was kept of an issue: it is built again."""
    for table in (IssueArticle, StoryMember):
        session.execute(delete(table).where(table.issue_id == issue_id))


def of_article(session: Session, article_id: int, *, limit: int) -> list[tuple[Issue, IssueArticle]]:
    """Return what became of an article in the issues that looked at it, the newest first."""
    rows = session.execute(
        select(Issue, IssueArticle)
        .join(Issue, Issue.id == IssueArticle.issue_id)
        .where(IssueArticle.article_id == article_id)
        .order_by(Issue.cut_off_at.desc(), Issue.id.desc())
        .limit(limit)
    )
    return [(issue, judged) for issue, judged in rows]


def looked_at(session: Session, newsletter_id: int, *, cut_off_at: datetime) -> frozenset[int]:
    """Return the ids of the articles that the digests with that cut-off knew, whatever became of them there."""
    return frozenset(
        session.scalars(
            select(IssueArticle.article_id)
            .join(Issue, Issue.id == IssueArticle.issue_id)
            .where(
                Issue.newsletter_id == newsletter_id,
                Issue.kind == IssueKind.DIGEST,
                Issue.cut_off_at == cut_off_at,
                Issue.status.in_(KEPT),
                IssueArticle.verdict != Verdict.NOT_YET,
            )
        )
    )
