"""Keep issues and move them from state to state."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, cast  # Any: column values; cast: the driver's result has a row count

from sqlalchemy import ColumnElement, CursorResult, and_, exists, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from newsletter.domain.errors import Conflict, NotFound
from newsletter.domain.issues import KEPT, MOVES, IssueKind, IssueStatus, OnSilence
from newsletter.domain.layout import StoryStyle
from newsletter.domain.mailings import MailingKind, MailingStatus
from newsletter.domain.rendered import BlockKind, FrozenIssue
from newsletter.store import articles, counters
from newsletter.store.tables import Article, Block, Issue, Mailing, Newsletter


def add(
    session: Session,
    newsletter_id: int,
    *,
    since: datetime,
    cut_off_at: datetime,
    now: datetime,
    schedule_id: int | None = None,
    slot_at: datetime | None = None,
    **values: Any,
) -> Issue | None:
    """Plan an issue with the next number; None when the schedule's slot has one already."""
    try:
        with session.begin_nested():
            issue = Issue(
                newsletter_id=newsletter_id,
                number=counters.take(session, f"issue:{newsletter_id}"),
                schedule_id=schedule_id,
                slot_at=slot_at,
                since=since,
                cut_off_at=cut_off_at,
                planned_at=now,
                **values,
            )
            session.add(issue)
    except IntegrityError:
        return None
    return issue


def get(session: Session, issue_id: int) -> Issue:
    """Return an issue by its id; raise NotFound."""
    found = session.get(Issue, issue_id)
    if found is None:
        raise NotFound(
            f"There is no issue {issue_id}.",
            hint="See the issues with: newsletter issues list",
            reason="unknown_issue",
        )
    return found


def lock(session: Session, issue_id: int) -> Issue:
    """Return an issue as it stands, and let nobody else change it until the transaction ends; raise NotFound."""
    query = select(Issue).where(Issue.id == issue_id).with_for_update()
    if session.scalar(query.execution_options(populate_existing=True)) is None:
        return get(session, issue_id)  # raises
    return session.get_one(Issue, issue_id)


def by_number(session: Session, newsletter_id: int, number: int) -> Issue:
    """Return an issue by its number in its newsletter; raise NotFound."""
    found = session.scalar(select(Issue).where(Issue.newsletter_id == newsletter_id, Issue.number == number))
    if found is None:
        raise NotFound(f"There is no issue number {number}.", reason="unknown_issue")
    return found


def listing(
    session: Session,
    *,
    newsletter_id: int | None = None,
    newsletter_ids: Collection[int] = (),
    status: IssueStatus | None = None,
    search: str = "",
    limit: int = 50,
    offset: int = 0,
) -> Sequence[Issue]:
    """Return issues, the newest first; ``search`` looks for words in the stories of built ones.

    ``newsletter_ids`` empty = of all.
    """
    query = select(Issue).order_by(Issue.cut_off_at.desc(), Issue.id.desc()).limit(limit).offset(offset)
    if newsletter_ids:
        query = query.where(Issue.newsletter_id.in_(newsletter_ids))
    return session.scalars(query.where(*_filters(newsletter_id, status, search))).all()


def count(
    session: Session, *, newsletter_id: int | None = None, status: IssueStatus | None = None, search: str = ""
) -> int:
    """Return how many issues ``listing`` would go through."""
    query = select(func.count()).select_from(Issue)
    return session.scalar(query.where(*_filters(newsletter_id, status, search))) or 0


def last_cut_off(
    session: Session, newsletter_id: int, *, until: datetime, except_id: int = 0
) -> datetime | None:
    """Return up to when articles were carried by the newsletter's issues; skipped and cancelled ones carry none.

    Issues with a later cut-off than ``until`` and the issue ``except_id`` do not count.
    """
    return session.scalar(
        select(Issue.cut_off_at)
        .where(
            Issue.newsletter_id == newsletter_id,
            Issue.kind
            == IssueKind.DIGEST,  # breaking news carries one article and leaves the rest to the digest
            Issue.status.in_(KEPT),
            Issue.cut_off_at <= until,
            Issue.id != except_id,
        )
        .order_by(Issue.cut_off_at.desc())
        .limit(1)
    )


def due_builds(session: Session, *, now: datetime) -> list[int]:
    """Return the planned issues whose cut-off has come, the oldest first."""
    return list(
        session.scalars(
            select(Issue.id)
            .where(Issue.status == IssueStatus.PLANNED, Issue.cut_off_at <= now)
            .order_by(Issue.cut_off_at, Issue.id)
        )
    )


def past_cut_off(session: Session, *, now: datetime) -> list[Issue]:
    """Return the issues of schedules whose slot has come and that are not built, the oldest first."""
    return list(
        session.scalars(
            select(Issue)
            .where(Issue.status == IssueStatus.PLANNED, Issue.slot_at <= now)
            .order_by(Issue.slot_at, Issue.id)
        )
    )


def has_later(session: Session, issue: Issue, *, until: datetime, only_built: bool = False) -> bool:
    """Say whether a later digest of a schedule of the same newsletter, of which the slot has come, takes its place.

    ``only_built``: one that is still to be built does not count, since it may be skipped.
    """
    statuses = (IssueStatus.BUILT, IssueStatus.MAILED)
    later = select(Issue.id).where(
        Issue.newsletter_id == issue.newsletter_id,
        Issue.kind == IssueKind.DIGEST,
        Issue.status.in_(statuses if only_built else (IssueStatus.PLANNED, *statuses)),
        Issue.slot_at > issue.cut_off_at,
        Issue.slot_at <= until,
    )
    return session.scalar(later.limit(1)) is not None


def newest_mailed(session: Session, newsletter_id: int, *, since: datetime, until: datetime) -> Issue | None:
    """Return the newsletter's last digest that went out and was not cancelled on the way, of those cut off since."""
    return session.scalar(
        select(Issue)
        .join(Mailing, Mailing.issue_id == Issue.id)
        .where(
            Issue.newsletter_id == newsletter_id,
            Issue.kind == IssueKind.DIGEST,
            Issue.status == IssueStatus.MAILED,
            Issue.cut_off_at.between(since, until),
            Mailing.kind == MailingKind.MAIN,
            Mailing.status.in_((MailingStatus.RUNNING, MailingStatus.DONE)),
        )
        .order_by(Issue.cut_off_at.desc(), Issue.id.desc())
        .limit(1)
    )


def mailed_between(session: Session, newsletter_id: int, *, since: datetime, until: datetime) -> list[Issue]:
    """Return the newsletter's issues, breaking news too, that went out and were cut off in [since, until), in order."""
    return list(
        session.scalars(
            select(Issue)
            .where(
                Issue.newsletter_id == newsletter_id,
                Issue.status == IssueStatus.MAILED,
                Issue.cut_off_at >= since,
                Issue.cut_off_at < until,
            )
            .order_by(Issue.cut_off_at, Issue.id)
        )
    )


def is_about_to_go(session: Session, newsletter_id: int, *, since: datetime, until: datetime) -> bool:
    """Say whether a digest with a cut-off between two instants has not gone out yet and is not held."""
    found = select(Issue.id).where(
        Issue.newsletter_id == newsletter_id,
        Issue.kind == IssueKind.DIGEST,
        Issue.status.in_((IssueStatus.PLANNED, IssueStatus.BUILT)),
        Issue.cut_off_at.between(since, until),
    )
    return session.scalar(found.limit(1)) is not None


def of_slots(session: Session, schedule_id: int, *, after: datetime) -> list[Issue]:
    """Return the issues of a schedule for slots later than ``after``, the next first."""
    return list(
        session.scalars(
            select(Issue)
            .where(Issue.schedule_id == schedule_id, Issue.slot_at > after)
            .order_by(Issue.slot_at)
        )
    )


def ready(session: Session) -> list[int]:
    """Return the built issues that may be mailed: approved as they stand, or silence is enough.

    Silence is enough for the slots of a schedule, where the newsletter wants it so; an issue that somebody planned by
    hand, or held, goes out when somebody says so.
    """
    approved = Issue.approved_revision == Issue.revision
    silence_sends = and_(
        Newsletter.on_silence == OnSilence.SEND, Issue.schedule_id.is_not(None), Issue.is_held.is_(False)
    )
    return list(
        session.scalars(
            select(Issue.id)
            .join(Newsletter, Newsletter.id == Issue.newsletter_id)
            .where(Issue.status == IssueStatus.BUILT, or_(approved, silence_sends))
            .order_by(Issue.cut_off_at, Issue.id)
        )
    )


def move(
    session: Session,
    issue_id: int,
    target: IssueStatus,
    *,
    only_from: IssueStatus | None = None,
    only_revision: int | None = None,
    **values: Any,
) -> bool:
    """Move an issue with one conditional UPDATE; False when it stands where the move is not allowed.

    The articles of one that is given up can be refreshed again.

    ``only_from`` narrows the allowed starts to one; with ``only_revision`` it moves only as it was then. ``values`` are
    further columns to set with the move.
    """
    starts = [status for status, targets in MOVES.items() if target in targets]
    if only_from is not None:
        starts = [status for status in starts if status is only_from]
    as_seen = () if only_revision is None else (Issue.revision == only_revision,)
    result = session.execute(
        update(Issue)
        .where(Issue.id == issue_id, Issue.status.in_(starts), *as_seen)
        .values(status=target, **values)
        .execution_options(synchronize_session="fetch")
    )
    is_moved = cast("CursorResult[object]", result).rowcount == 1
    if is_moved and target in (IssueStatus.SKIPPED, IssueStatus.CANCELLED):
        articles.thaw(session, issue_id)
    return is_moved


def require_move(
    session: Session,
    issue_id: int,
    target: IssueStatus,
    *,
    only_from: IssueStatus | None = None,
    **values: Any,
) -> None:
    """Move an issue; raise Conflict when it stands where the move is not allowed."""
    if not move(session, issue_id, target, only_from=only_from, **values):
        status = get(session, issue_id).status
        raise Conflict(
            f"Issue {issue_id} is {status} and cannot become {target}.",
            hint=f"See where it stands with: newsletter issues show {issue_id}",
        )


def record_fault(session: Session, issue_id: int, fault: str) -> None:
    """Keep why a planned issue could not be built."""
    session.execute(
        update(Issue).where(Issue.id == issue_id, Issue.status == IssueStatus.PLANNED).values(fault=fault)
    )


def frozen(issue: Issue) -> FrozenIssue:
    """Return the content of a built issue; raise Conflict when it is not built."""
    if issue.frozen is None:
        raise Conflict(
            f"Issue {issue.id} is not built yet.", hint=f"Build it with: newsletter issues build {issue.id}"
        )
    return FrozenIssue.from_dict(issue.frozen)


def retracted(session: Session, article_ids: Iterable[int]) -> set[int]:
    """Return which of the articles have been retracted."""
    query = select(Article.id).where(Article.id.in_(list(article_ids)), Article.retracted_at.is_not(None))
    return set(session.scalars(query))


def _filters(newsletter_id: int | None, status: IssueStatus | None, search: str) -> list[ColumnElement[bool]]:
    filters: list[ColumnElement[bool]] = []
    if newsletter_id is not None:
        filters.append(Issue.newsletter_id == newsletter_id)
    if status is not None:
        filters.append(Issue.status == status)
    return filters + [_tells_of(word) for word in search.split()]


def _tells_of(word: str) -> ColumnElement[bool]:
    """Return the condition that a story of the issue holds a word; each story is looked at once, in its lead style."""
    return exists().where(
        and_(
            Block.issue_id == Issue.id,
            Block.kind == BlockKind.STORY.value,
            Block.style == StoryStyle.LEAD.value,
            Block.text.icontains(word, autoescape=True),
        )
    )
