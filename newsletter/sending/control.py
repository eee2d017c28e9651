"""Pause, resume and cancel a mailing."""

from __future__ import annotations

from newsletter.domain.errors import Conflict
from newsletter.domain.mailings import MAILING_MOVES, MailingKind, MailingStatus
from newsletter.store import Session, mailings
from newsletter.store.tables import Mailing


def pause(session: Session, issue_id: int) -> Mailing:
    """Open no message of the mailing from now on; running drains notice within 250 ms."""
    return _move(session, issue_id, MailingStatus.PAUSED)


def resume(session: Session, issue_id: int) -> Mailing:
    """Go on where the mailing was paused."""
    return _move(session, issue_id, MailingStatus.RUNNING)


def cancel(session: Session, issue_id: int) -> Mailing:
    """Send nothing more; drains give every reader left the result withheld(cancelled), so that the receipt is exact."""
    return _move(session, issue_id, MailingStatus.CANCELLED)


def _move(session: Session, issue_id: int, target: MailingStatus) -> Mailing:
    mailing = mailings.of_issue(session, issue_id)
    if mailing is None:
        raise Conflict(
            f"Issue {issue_id} is not being mailed.",
            hint=f"See where it stands with: newsletter issues show {issue_id}",
            reason="no_mailing",
        )
    mailings.move(session, mailing, target)
    first = mailings.of_issue(session, issue_id, kind=MailingKind.FIRST)
    if first is not None and target in MAILING_MOVES[first.status]:
        mailings.move(session, first, target)
    return mailing
