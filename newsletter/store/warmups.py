"""Keep how far the domains of senders have warmed up, and count what they have sent."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import Row, distinct, func, literal_column, or_, select
from sqlalchemy.orm import Session

from newsletter.domain.errors import Conflict, NotFound
from newsletter.domain.mailings import TAKEN, MessageStatus
from newsletter.domain.outcomes import OutcomeKind
from newsletter.domain.warmup import Health, Step, Warmup
from newsletter.store.tables import Mailing, Message, Newsletter, Outcome, WarmupState

_WENT_OUT = (*TAKEN, MessageStatus.DEFERRED, MessageStatus.UNCERTAIN, MessageStatus.FAILED)
_TOLD = (OutcomeKind.DEFERRED, OutcomeKind.FAILED, OutcomeKind.COMPLAINED, OutcomeKind.BOUNCED)
_REACH = timedelta(days=3)  # a mailing lives for a day; who is paused for longer begins it anew
_HISTORY_MAX = 100  # lines: twice a warm-up without a fault
# Refusals that are about us and not about a reader: categories of domain/bounces.py.
_POLICY = ("policy", "authentication", "content", "rate_limited")


def start(session: Session, domain: str, warmup: Warmup) -> None:
    """Begin a warm-up; raise Conflict when the domain has one."""
    if session.get(WarmupState, domain) is not None:
        raise Conflict(
            f"{domain} has a warm-up already.",
            hint=f"See it with: newsletter warmup show {domain}",
            reason="warmup_exists",
        )
    row = WarmupState(domain=domain, history=[])
    _write(row, Step(warmup, "begun"), on=warmup.started_on)
    session.add(row)
    session.flush()


def stop(session: Session, domain: str) -> None:
    """Forget a warm-up: the domain has no ceiling any more; raise NotFound."""
    session.delete(get(session, domain))


def get(session: Session, domain: str) -> WarmupState:
    """Return a warm-up; raise NotFound."""
    row = session.get(WarmupState, domain)
    if row is None:
        raise NotFound(
            f"{domain} has no warm-up.",
            hint=f"Begin one with: newsletter warmup start {domain}",
            reason="unknown_warmup",
        )
    return row


def listing(session: Session) -> list[WarmupState]:
    """Return all warm-ups."""
    return list(session.scalars(select(WarmupState).order_by(WarmupState.domain)))


def lock(session: Session, domain: str) -> WarmupState | None:
    """Return a warm-up that nobody else changes until the transaction ends."""
    return session.scalars(
        select(WarmupState)
        .where(WarmupState.domain == domain)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def warmup_of(row: WarmupState) -> Warmup:
    """Return the state that the rules work on."""
    return Warmup(
        started_on=row.started_on,
        day=row.day,
        ceiling=row.ceiling,
        set_on=row.set_on,
        used_on=row.used_on,
        halved_on=row.halved_on,
    )


def keep(row: WarmupState, step: Step, *, on: date) -> None:
    """Write a step."""
    _write(row, step, on=on)


def used_count(session: Session, domain: str, *, since: datetime) -> int:
    """Count the readers to whom something of a sender's domain went out since an instant."""
    return sum(
        session.scalar(
            select(func.count())
            .select_from(Message)
            .where(
                Message.mailing_id == mailing.id,
                Message.status.in_(_WENT_OUT),
                Message.at >= _seconds(mailing, since),
            )
        )
        or 0
        for mailing in _mailings(session, domain, since)
    )


def health(session: Session, domain: str, *, since: datetime) -> Health:
    """Count what became of a sender's messages since an instant; each message counts once in a kind."""
    mailing_ids = [mailing.id for mailing in _mailings(session, domain, since)]
    told = session.execute(
        select(
            Outcome.kind,
            Outcome.category.in_(_POLICY).label("is_policy"),
            func.count(distinct(Outcome.subscriber_id)),
        )
        .where(
            Outcome.mailing_id.in_(mailing_ids),
            Outcome.at >= since,
            Outcome.kind.in_(_TOLD),
        )
        .group_by(Outcome.kind, literal_column("is_policy"))
    )
    counts: dict[tuple[OutcomeKind, bool], int] = {(kind, bool(is_ours)): n for kind, is_ours, n in told}
    return Health(
        attempts=used_count(session, domain, since=since),
        deferrals=_sum(counts, OutcomeKind.DEFERRED),
        policy_refusals=counts.get((OutcomeKind.FAILED, True), 0),
        complaints=_sum(counts, OutcomeKind.COMPLAINED),
        bounces=_sum(counts, OutcomeKind.BOUNCED) + counts.get((OutcomeKind.FAILED, False), 0),
    )


def _sum(counts: dict[tuple[OutcomeKind, bool], int], kind: OutcomeKind) -> int:
    return counts.get((kind, False), 0) + counts.get((kind, True), 0)


def _mailings(session: Session, domain: str, since: datetime) -> list[Row[int, datetime]]:
    """Return the mailings of a sender's domain that may have had messages since an instant."""
    return list(
        session.execute(
            select(Mailing.id, Mailing.started_at)
            .join(Newsletter, Newsletter.id == Mailing.newsletter_id)
            .where(
                func.lower(Newsletter.from_address).endswith(f"@{domain}", autoescape=True),
                or_(Mailing.started_at >= since - _REACH, Mailing.finished_at.is_(None)),
            )
        )
    )


def _seconds(mailing: Row[int, datetime], since: datetime) -> int:
    return max(0, int((since - mailing.started_at).total_seconds()))


def _write(row: WarmupState, step: Step, *, on: date) -> None:
    warmup = step.warmup
    row.started_on, row.day, row.ceiling = warmup.started_on, warmup.day, warmup.ceiling
    row.set_on, row.used_on, row.halved_on = warmup.set_on, warmup.used_on, warmup.halved_on
    if step.why:
        line = {"on": on.isoformat(), "day": warmup.day, "ceiling": warmup.ceiling, "why": step.why}
        row.history = [*row.history, line][-_HISTORY_MAX:]
