"""Keep how often articles were opened from mails, hour by hour: counts alone, without a trace of who."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from newsletter.domain import clicks
from newsletter.domain.clicks import PEOPLE, WEB_ARM
from newsletter.domain.issues import IssueStatus
from newsletter.store import driver, lists
from newsletter.store.tables import Article, ClickCount, Issue

HALF_LIFE = timedelta(hours=24)  # of what a click says about how wanted an article is
_REMEMBERED = 10 * HALF_LIFE  # by then a thousandth is left of a click
_ISSUES = timedelta(days=30)  # older issues are hardly opened, and their clicks rank nothing


@dataclass(frozen=True)
class Total:
    """Hold the clicks on one article, in mails with one subject.

    ``number`` is the article's, 0 for people: each once a day, whatever they opened.
    """

    number: int
    arm: int
    human_count: int
    machine_count: int


@dataclass(frozen=True)
class Target:
    """Hold where an article is."""

    url: str
    is_retracted: bool


def add(
    session: Session, issue_id: int, number: int, arm: int, *, at: datetime, human: int, machine: int
) -> None:
    """Add clicks to the hour's count; numbers below 0 take back what turned out to be wrong."""
    dialect = sqlite if driver.is_sqlite(session) else postgresql
    statement = dialect.insert(ClickCount).values(
        issue_id=issue_id,
        number=number,
        arm=arm,
        hour=clicks.hour_of(at),
        human_count=human,
        machine_count=machine,
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["issue_id", "number", "arm", "hour"],
            set_={
                "human_count": ClickCount.human_count + human,
                "machine_count": ClickCount.machine_count + machine,
            },
        ).execution_options(synchronize_session=False)
    )


def target(session: Session, number: int) -> Target | None:
    """Return where an article is now; None when there is none of that number any more."""
    row = session.execute(
        select(Article.url, Article.retracted_at).where(Article.number == number)
    ).one_or_none()
    return None if row is None else Target(row.url, is_retracted=row.retracted_at is not None)


def is_mailed(session: Session, issue_id: int) -> bool:
    """Say whether readers got an issue."""
    return session.scalar(select(Issue.status).where(Issue.id == issue_id)) is IssueStatus.MAILED


def totals(session: Session, issue_id: int) -> list[Total]:
    """Return the clicks of an issue by article and subject, people first."""
    rows = session.execute(
        select(
            ClickCount.number,
            ClickCount.arm,
            func.sum(ClickCount.human_count),
            func.sum(ClickCount.machine_count),
        )
        .where(ClickCount.issue_id == issue_id)
        .group_by(ClickCount.number, ClickCount.arm)
        .order_by(ClickCount.number, ClickCount.arm)
    )
    return [Total(number, arm, int(human), int(machine)) for number, arm, human, machine in rows]


def people_by_arm(session: Session, issue_id: int) -> dict[int, int]:
    """Count the people who opened something from a mail with each subject."""
    rows = session.execute(
        select(ClickCount.arm, func.sum(ClickCount.human_count))
        .where(ClickCount.issue_id == issue_id, ClickCount.number == PEOPLE, ClickCount.arm > WEB_ARM)
        .group_by(ClickCount.arm)
    )
    return {arm: int(count) for arm, count in rows}


def decayed(session: Session, article_ids: Collection[int], now: datetime) -> dict[int, int]:
    """Return how often people opened articles, by id, older clicks for less; those without one are left out.

    A click counts half after every ``HALF_LIFE``; the sum is cut to a whole number, so that ranks can be explained.
    """
    if not article_ids:
        return {}
    rows = session.execute(
        select(Article.id, ClickCount.hour, func.sum(ClickCount.human_count))
        .join(Article, Article.number == ClickCount.number)
        .where(
            # By way of the issues, because the primary key of the counts begins with them.
            ClickCount.issue_id.in_(select(Issue.id).where(Issue.cut_off_at > now - _ISSUES)),
            ClickCount.hour > clicks.hour_of(now - _REMEMBERED),
            lists.among(session, Article.id, article_ids),
        )
        .group_by(Article.id, ClickCount.hour)
        .order_by(Article.id, ClickCount.hour)
    )
    found: dict[int, float] = {}
    for article_id, hour, count in rows:
        found[article_id] = found.get(article_id, 0.0) + clicks.decayed(
            int(count), hour, now=now, half_life=HALF_LIFE
        )
    return {article_id: int(value) for article_id, value in found.items() if int(value)}
