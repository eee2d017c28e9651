"""Decide which of the tested subjects the rest of an issue's readers gets, and let them have it.

Whoever comes first decides: the sweep as soon as the clicks say enough, or a drain that reaches readers who wait when
the time is over. The winner is written down once; a window keeps the one that its messages are made with.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime

from newsletter.domain import subject_test
from newsletter.domain.quiet_hours import QuietHours
from newsletter.domain.rendered import FrozenIssue
from newsletter.domain.subject_test import Trial
from newsletter.runtime import logs
from newsletter.sending.context import Context
from newsletter.store import (
    Session,
    Transactions,
    clicks,
    issues,
    mailings,
    newsletters,
    rules,
    subject_tests,
)
from newsletter.store.tables import Mailing

_log = logs.get(__name__)


def decide_due(transactions: Transactions, *, now: datetime, quiet: QuietHours) -> int:
    """Decide the tests that can be decided, and bring the rest of their readers forward; return how many.

    Where readers wait for more than the test, for their own hour or the end of quiet hours, they go on waiting.
    """
    with transactions() as session:
        found = [mailing.id for mailing in subject_tests.open_ones(session)]
    decided = 0
    for mailing_id in found:
        with transactions() as session:
            mailing = mailings.get(session, mailing_id)
            if not _decide(session, mailing, issues.frozen(issues.get(session, mailing.issue_id)), now=now):
                continue
            decided += 1
            newsletter = newsletters.get(session, mailing.newsletter_id)
            if not quiet and not rules.of(newsletter).schedule.local_hour:
                subject_tests.bring_forward(session, mailing, now=now)
    return decided


def with_winner(session: Session, context: Context, *, now: datetime) -> Context:
    """Return a context that knows the winner, when it is known or the time for the test is over."""
    if not context.frozen.is_tested or "winner" in context.key_ids:
        return context
    main = mailings.of_issue(session, context.frozen.issue_id)
    if main is None or main.test_until is None:
        return context
    if main.winner is None and now >= main.test_until:
        _decide(session, main, context.frozen, now=now)
        main = mailings.get(session, main.id)
    if main.winner is None:
        return context
    return replace(context, key_ids=context.key_ids | {"winner": main.winner})


def trials(session: Session, frozen: FrozenIssue) -> list[Trial]:
    """Return what is known of each subject: people who opened something, and messages that were submitted."""
    people = clicks.people_by_arm(session, frozen.issue_id)
    messages = Counter(
        subject_test.sample_arm(
            frozen.issue_id, reader, sample_percent=frozen.sample_percent, count=len(frozen.subjects)
        )
        for reader in subject_tests.submitted(session, frozen.issue_id)
    )
    return [Trial(people.get(arm, 0), messages[arm]) for arm in range(len(frozen.subjects))]


def _decide(session: Session, mailing: Mailing, frozen: FrozenIssue, *, now: datetime) -> bool:
    """Write the winner down, when there is one; False when there is none yet, or was one before."""
    is_over = mailing.test_until is not None and now >= mailing.test_until
    if not is_over and not _is_near(session, frozen):
        return False
    decision = subject_test.decide(trials(session, frozen), is_over=is_over)
    if decision is None or not subject_tests.set_winner(
        session, mailing.id, decision.arm, reason=decision.reason
    ):
        return False
    _log.info("subject_decided", issue=frozen.issue_id, subject=decision.arm, reason=decision.reason.value)
    return True


def _is_near(session: Session, frozen: FrozenIssue) -> bool:
    """Say whether it is worth counting the messages: a sample is drawn so that the subjects have about as many each."""
    people = clicks.people_by_arm(session, frozen.issue_id)
    alike = [Trial(people.get(arm, 0), 1_000_000) for arm in range(len(frozen.subjects))]
    return subject_test.decide(alike, is_over=False) is not None
