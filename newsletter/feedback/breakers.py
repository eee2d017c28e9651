"""Hold back what may be somebody else's mistake: a receiver that refuses many at once, a mailing to a bad list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from newsletter.domain import feedback_policy, outbreaks
from newsletter.domain.mailings import MailingStatus
from newsletter.domain.outbreaks import HOUR, MONTH, Share
from newsletter.domain.scoring import Decision, Verdict
from newsletter.domain.suppressions import BY_FEEDBACK, LIFTED_BY_CONFIRMATION, Pending
from newsletter.runtime import logs
from newsletter.store import Session, alerts, domains, mailings, newsletters, shares, suppressions
from newsletter.store.tables import Mailing, Outcome, Subscriber

_BY_BOUNCES = BY_FEEDBACK & LIFTED_BY_CONFIRMATION
_BAD_ADDRESSES = ("invalid_recipient", "invalid_domain")
_log = logs.get(__name__)


class Breaker:
    """Turn suppressions into pending ones while a receiver suddenly says the same of many; looked up once a round."""

    def __init__(self, session: Session, *, now: datetime) -> None:
        self._session = session
        self._now = now
        self._is_open: dict[tuple[str, str], bool] = {}

    def checked(self, reader: Subscriber, verdict: Verdict) -> Verdict:
        """Return a verdict as it may be carried out: two sends that failed are no sudden mistake."""
        is_first = len({event.mailing_id for event in verdict.events}) == 1
        if verdict.decision is not Decision.SUPPRESS or verdict.reason not in _BY_BOUNCES or not is_first:
            return verdict
        group = self._group(reader)
        if group is None or not self._opens(group, verdict.events[-1].reason):
            return verdict
        return replace(verdict, decision=Decision.HOLD, pending=Pending.OUTBREAK)

    def _group(self, reader: Subscriber) -> str | None:
        if reader.domain_id is None:
            return None
        return domains.groups_of(self._session, [reader.domain_id]).get(reader.domain_id)

    def _opens(self, group: str, reason: str) -> bool:
        found = self._is_open.get((group, reason))
        if found is None:
            found = self._is_open[group, reason] = self._is_outbreak(group, reason)
            if found:
                self._hold(group, reason)
        return found

    def _is_outbreak(self, group: str, reason: str) -> bool:
        session, since = self._session, self._now - HOUR
        domain_ids = domains.of_group(session, group)
        lately = shares.failed_at(session, domain_ids, reason=reason, since=since, until=self._now)
        failed = sum(lately.values())
        if not outbreaks.may_be_sudden(failed):
            return False
        hour = Share(failed, sum(self._results(domain_ids, mailing, since, failed) for mailing in lately))
        if not outbreaks.is_sudden(hour):
            return False
        return outbreaks.is_outbreak(hour, self._month(domain_ids, reason, until=since))

    def _results(self, domain_ids: Sequence[int], mailing_id: int, since: datetime, failed: int) -> int:
        """Count the messages of a mailing in the hour; when it was over before, the reports are about all of it."""
        limit = outbreaks.results_wanted(failed)
        lately = shares.results_at(self._session, domain_ids, mailing_id, since=since, limit=limit)
        return lately or shares.results_at(self._session, domain_ids, mailing_id, since=None, limit=limit)

    def _month(self, domain_ids: Sequence[int], reason: str, *, until: datetime) -> Share:
        session, since = self._session, until - MONTH
        failed = sum(shares.failed_at(session, domain_ids, reason=reason, since=since, until=until).values())
        limit, results = outbreaks.results_wanted(failed), 0
        for mailing_id in shares.mailings_between(session, since, until):
            results += shares.results_at(session, domain_ids, mailing_id, since=None, limit=limit)
            if results >= limit:
                break
        return Share(failed, results)

    def _hold(self, group: str, reason: str) -> None:
        domain_ids = domains.of_group(self._session, group)
        held = suppressions.hold(self._session, domain_ids=domain_ids, since=self._now - HOUR)
        text = f"{group} suddenly answers {reason} to many. Nobody is suppressed for it until a second send fails."
        alerts.note(self._session, "outbreak", group, text, now=self._now)
        _log.warning("outbreak", destination=group, reason=reason, held=held)


def look_at_mailings(session: Session, some: Sequence[Outcome], *, now: datetime) -> None:
    """Pause mailings to bad lists, and tell the operator what failed for reasons that are ours to mend."""
    seen = {
        (outcome.mailing_id, outcome.category): outcome
        for outcome in some
        if outcome.mailing_id is not None and outcome.subscriber_id is not None
    }
    for (mailing_id, _), outcome in seen.items():
        mailing = mailings.find(session, mailing_id or 0)
        if mailing is None:
            continue
        if outcome.category in _BAD_ADDRESSES:
            _pause_if_bad(session, mailing, now=now)
        _alert(session, mailing, outcome, now=now)


def _pause_if_bad(session: Session, mailing: Mailing, *, now: datetime) -> None:
    """Pause a mailing once: when an operator resumes it, that is decided."""
    if mailing.status is not MailingStatus.RUNNING:
        return
    failed = shares.failed_of_mailing(session, mailing.id, _BAD_ADDRESSES)
    limit = outbreaks.results_wanted(failed)
    hard = Share(failed, shares.results_of_mailing(session, mailing.id, limit=limit))
    age = now - newsletters.get(session, mailing.newsletter_id).created_at
    if not outbreaks.is_mailing_bad(hard, newsletter_age=age):
        return
    text = (
        f"Paused (hard_bounce_rate): {hard.failed} of {hard.results} addresses do not exist. "
        f"Look at where they come from; then: newsletter issues resume {mailing.issue_id}"
    )
    if alerts.note(session, "hard_bounce_rate", f"issue {mailing.issue_id}", text, now=now):
        mailings.move(session, mailing, MailingStatus.PAUSED)
        mailings.note_fault(session, mailing.id, text)
        _log.error("mailing_paused", mailing=mailing.id, failed=hard.failed, results=hard.results)


def _alert(session: Session, mailing: Mailing, outcome: Outcome, *, now: datetime) -> None:
    limit = feedback_policy.rule_of(outcome.category, outcome.reason, outcome.evidence).alerts_at
    if limit is None:
        return
    failed = shares.failed_of_mailing(session, mailing.id, [outcome.category])
    results = shares.results_of_mailing(session, mailing.id, limit=int(failed / limit) + 1 if limit else 1)
    if Share(failed, results).exceeds(limit):
        text = (
            f"{failed} messages failed for {outcome.category}, such as: {outcome.evidence or outcome.reason}"
        )
        alerts.note(session, outcome.category, f"issue {mailing.issue_id}", text, now=now)
