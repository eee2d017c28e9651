"""Keep what editors decided about the articles of an issue, and the links by which they decide."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, cast  # Any: column values; cast: the driver's result has a row count

from sqlalchemy import ColumnElement, CursorResult, delete, exists, or_, select, update
from sqlalchemy.orm import Session

from newsletter.domain.editors import DeskAction
from newsletter.domain.issues import OPEN, IssueKind, IssueStatus, Verdict
from newsletter.store import articles, lists, verdicts
from newsletter.store.tables import (
    Article,
    Block,
    DeskItem,
    DeskLink,
    Issue,
    IssueArticle,
    Mailing,
    NewsletterArticle,
)

_GIVEN_UP = (IssueStatus.SKIPPED, IssueStatus.CANCELLED)
_NOTHING = {"pin": None, "is_banned": False, "is_missed": False, "missed_place": None, "title": None}


def items(session: Session, issue_id: int) -> Sequence[DeskItem]:
    """Return what was decided about the articles of an issue."""
    return session.scalars(
        select(DeskItem)
        .where(DeskItem.issue_id == issue_id)
        .order_by(DeskItem.pin, DeskItem.missed_place, DeskItem.article_id)
    ).all()


def pinned(session: Session, issue_id: int) -> list[tuple[int, int]]:
    """Return the places and article ids that are pinned in an issue, from the top."""
    rows = session.execute(
        select(DeskItem.pin, DeskItem.article_id)
        .where(DeskItem.issue_id == issue_id, DeskItem.pin.is_not(None))
        .order_by(DeskItem.pin, DeskItem.article_id)
    )
    return [(place or 0, article_id) for place, article_id in rows]


def put(session: Session, issue_id: int, article_id: int, **values: Any) -> None:
    """Set what is decided about one article; a row that says nothing any more goes."""
    if values.get("is_missed") is False:
        values["missed_place"] = None
    item = session.get(DeskItem, (issue_id, article_id))
    if item is None:
        item = DeskItem(issue_id=issue_id, article_id=article_id, **(_NOTHING | values))
        session.add(item)
    for name, value in values.items():
        setattr(item, name, value)
    session.flush()
    if all(getattr(item, name) == value for name, value in _NOTHING.items()):
        session.delete(item)
        session.flush()


def has_items(session: Session, issue_id: int, values: Mapping[int, Mapping[str, object]]) -> bool:
    """Say whether all this is decided already: values by article id; what no row says is decided as nothing."""
    known = {item.article_id: item for item in items(session, issue_id)}
    return all(
        (getattr(known[article_id], name) if article_id in known else _NOTHING[name]) == value
        for article_id, of_article in values.items()
        for name, value in of_article.items()
    )


def judged(session: Session, issue_id: int) -> list[tuple[IssueArticle, Article]]:
    """Return what became of each article when an issue was frozen: what it tells first, in its order."""
    rows = session.execute(
        select(IssueArticle, Article)
        .join(Article, Article.id == IssueArticle.article_id)
        .where(IssueArticle.issue_id == issue_id)
        .order_by(IssueArticle.rank.is_(None), IssueArticle.rank, Article.number.desc())
    )
    return [(found, article) for found, article in rows]


def newsletters_of(session: Session, article_id: int) -> list[int]:
    """Return the ids of the newsletters that an article is one of."""
    query = select(NewsletterArticle.newsletter_id).where(NewsletterArticle.article_id == article_id)
    return list(session.scalars(query.order_by(NewsletterArticle.newsletter_id)))


def revise(session: Session, issue_id: int, *, expected: int | None = None, **values: Any) -> int | None:
    """Count a change of an open issue and return its new revision, with one conditional UPDATE.

    None when it is not open, being mailed, or not at the revision ``expected``. What was built goes, so that it is
    built again.
    """
    as_seen = () if expected is None else (Issue.revision == expected,)
    revision = session.scalar(
        update(Issue)
        .where(Issue.id == issue_id, Issue.status.in_(OPEN), _is_not_mailed(), *as_seen)
        .values(
            revision=Issue.revision + 1,
            status=IssueStatus.PLANNED,
            is_held=or_(Issue.is_held, Issue.status == IssueStatus.HELD),  # until somebody approves it
            frozen=None,
            nonce=None,
            built_at=None,
            fault=None,
            **values,
        )
        .returning(Issue.revision)
        .execution_options(synchronize_session=False)
    )
    if revision is not None:
        session.execute(delete(Block).where(Block.issue_id == issue_id))
        articles.thaw(session, issue_id)
        verdicts.forget(session, issue_id)
        session.expire_all()
    return revision


def approve(session: Session, issue_id: int, *, revision: int, by: str, now: datetime) -> bool:
    """Stamp an open issue as it stood at a revision; False when it is not open or has changed."""
    result = session.execute(
        update(Issue)
        .where(Issue.id == issue_id, Issue.status.in_(OPEN), Issue.revision == revision)
        .values(approved_at=now, approved_by=by, approved_revision=revision, is_held=False)
        .execution_options(synchronize_session="fetch")
    )
    return cast("CursorResult[object]", result).rowcount == 1


def silent(session: Session) -> Sequence[Issue]:
    """Return the built issues of schedules that nobody approved as they stand and that silence does not send."""
    from_ready = select(Issue).where(
        Issue.status == IssueStatus.BUILT,
        Issue.schedule_id.is_not(None),
        Issue.approved_revision.is_distinct_from(Issue.revision),
    )
    return session.scalars(from_ready.order_by(Issue.id)).all()


def void(session: Session) -> Sequence[Issue]:
    """Return the built issues that somebody planned by hand and whose approval a later change has voided."""
    found = select(Issue).where(
        Issue.status == IssueStatus.BUILT,
        Issue.schedule_id.is_(None),
        Issue.approved_revision != Issue.revision,
    )
    return session.scalars(found.order_by(Issue.id)).all()


def losing(session: Session) -> Sequence[Issue]:
    """Return the issues that are built, knew an article that is retracted, and whose mailing has not begun.

    Verdicts are asked first, so that contents of a megabyte are not read at every beat.
    """
    knew_retracted = exists().where(
        IssueArticle.issue_id == Issue.id,
        IssueArticle.verdict != Verdict.RETRACTED,
        Article.id == IssueArticle.article_id,
        Article.retracted_at.is_not(None),
    )
    return session.scalars(
        select(Issue)
        .where(Issue.status.in_((IssueStatus.BUILT, IssueStatus.HELD)), _is_not_mailed(), knew_retracted)
        .order_by(Issue.id)
    ).all()


def untold(session: Session, *, now: datetime) -> Sequence[Issue]:
    """Return the planned issues of which the desk has not been told, and whose cut-off is still to come."""
    return session.scalars(
        select(Issue)
        .where(Issue.status == IssueStatus.PLANNED, Issue.told_at.is_(None), Issue.cut_off_at > now)
        .order_by(Issue.id)
    ).all()


def retracted(session: Session, numbers: Collection[int]) -> set[int]:
    """Return the ids of the articles with these numbers that have been retracted."""
    query = select(Article.id).where(
        lists.among(session, Article.number, numbers), Article.retracted_at.is_not(None)
    )
    return set(session.scalars(query))


def claim_telling(session: Session, issue_id: int, *, now: datetime, since: datetime | None = None) -> bool:
    """Take it on to tell the desk of an issue; False when somebody else has, ever or ``since`` then."""
    is_untold: ColumnElement[bool] = Issue.told_at.is_(None)
    if since is not None:
        is_untold = or_(is_untold, Issue.told_at < since)
    result = session.execute(
        update(Issue)
        .where(Issue.id == issue_id, is_untold)
        .values(told_at=now)
        .execution_options(synchronize_session="fetch")
    )
    return cast("CursorResult[object]", result).rowcount == 1


def is_placed(session: Session, newsletter_id: int, article_id: int) -> bool:
    """Say whether an article is one of a newsletter's."""
    return session.get(NewsletterArticle, (newsletter_id, article_id)) is not None


def was_missed(session: Session, article_id: int, *, except_issue: int) -> bool:
    """Say whether an article is told once more in another issue that goes out, or went."""
    return _is_in_another(session, article_id, except_issue, DeskItem.is_missed.is_(True))


def was_breaking(session: Session, newsletter_id: int, article_id: int) -> bool:
    """Say whether an article went out, or is to go out, as breaking news of a newsletter."""
    return _is_in_another(
        session, article_id, 0, Issue.kind == IssueKind.BREAKING, Issue.newsletter_id == newsletter_id
    )


def add_link(
    session: Session,
    *,
    issue_id: int,
    revision: int,
    action: DeskAction,
    editor_id: int,
    expires_at: datetime,
) -> DeskLink:
    """Add a link for one decision of one editor."""
    link = DeskLink(
        issue_id=issue_id, revision=revision, action=action, editor_id=editor_id, expires_at=expires_at
    )
    session.add(link)
    session.flush()
    return link


def link(session: Session, link_id: int) -> DeskLink | None:
    """Return a link by its id."""
    return session.get(DeskLink, link_id)


def use_link(session: Session, link_id: int, *, now: datetime) -> bool:
    """Use a link; False when it was used before. Of two at once, one uses it."""
    result = session.execute(
        update(DeskLink)
        .where(DeskLink.id == link_id, DeskLink.used_at.is_(None))
        .values(used_at=now)
        .execution_options(synchronize_session="fetch")
    )
    return cast("CursorResult[object]", result).rowcount == 1


def _is_not_mailed() -> Any:
    return ~exists().where(Mailing.issue_id == Issue.id)


def _is_in_another(session: Session, article_id: int, except_issue: int, *conditions: Any) -> bool:
    found = session.scalar(
        select(DeskItem.issue_id)
        .join(Issue, Issue.id == DeskItem.issue_id)
        .where(
            DeskItem.article_id == article_id,
            DeskItem.issue_id != except_issue,
            Issue.status.not_in(_GIVEN_UP),
            *conditions,
        )
        .limit(1)
    )
    return found is not None
