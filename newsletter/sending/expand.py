"""Freeze the audience of a built issue: a bitmap per bucket and wave, no row per reader."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.domain import schedules, subject_test, waves
from newsletter.domain.issues import IssueKind, IssueStatus, SkipReason, is_bound_to_slot
from newsletter.domain.mailings import Lane, MailingStatus, draw
from newsletter.domain.quiet_hours import QuietHours
from newsletter.domain.rendered import FrozenIssue
from newsletter.domain.waves import Plan
from newsletter.runtime import logs
from newsletter.store import Session, Transactions, audiences, issues, mailings, newsletters, rules
from newsletter.store.audiences import Group
from newsletter.store.tables import Issue, Mailing

LIFETIME = timedelta(hours=24)  # a digest that could not be submitted within a day of its hour is stale
_BUCKETS_AT_ONCE = 16  # 65,536 readers: some 100 ms in one transaction
_log = logs.get(__name__)


def expand(
    transactions: Transactions, issue_id: int, *, now: datetime, quiet: QuietHours = waves.NO_QUIET
) -> int | None:
    """Make the mailing of an issue and its batches; return the mailing's id, None when there is nothing to mail.

    Opens short transactions and can be repeated or resumed at any point: the position is the last bucket that has
    a batch. Nothing goes out before the end: until then the issue can still be held or given up.
    """
    with transactions() as session:
        mailing = _start(session, issue_id, now=now)
        if mailing is None:
            return None
        dealer = _dealer(session, mailing, quiet)
    while True:
        with transactions() as session:
            if not _add_some(session, mailing, dealer):
                break
    with transactions() as session:
        _end(session, mailing, dealer)
    _log.info("mailing_expanded", mailing=mailing.id, issue=issue_id)
    return mailing.id


@dataclass(frozen=True)
class _Dealer:
    """Deal readers out to waves, and waves that are spread to slices; always alike."""

    mailing_id: int
    frozen: FrozenIssue
    plan: Plan | None  # None: everybody at once
    spread: timedelta
    slice_count: int

    def waves(self, groups: Iterable[Group]) -> Mapping[int, Mapping[int, Sequence[int]]]:
        """Return the readers by the number of their wave and by bucket."""
        found: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for group in groups:
            for quarter, ids in self._quarters(group):
                for part, readers in self._slices(ids):
                    found[waves.number(quarter, part)][group.bucket].extend(readers)
        return found

    def _quarters(self, group: Group) -> Iterable[tuple[int, Sequence[int]]]:
        if self.plan is None:
            return [(0, group.subscriber_ids)]
        rest = self.plan.wave(group.zone, group.hour)
        first = self.plan.wave(group.zone, group.hour, is_sample=True)
        if first == rest:
            return [(rest, group.subscriber_ids)]
        sample = [reader for reader in group.subscriber_ids if self._is_sample(reader)]
        others = set(group.subscriber_ids).difference(sample)
        return [(first, sample), (rest, sorted(others))]

    def _is_sample(self, reader: int) -> bool:
        frozen = self.frozen
        arm = subject_test.sample_arm(
            frozen.issue_id, reader, sample_percent=frozen.sample_percent, count=len(frozen.subjects)
        )
        return arm is not None

    def _slices(self, ids: Sequence[int]) -> Iterable[tuple[int, Sequence[int]]]:
        if self.slice_count == 1:
            return [(0, ids)]
        parts: dict[int, list[int]] = defaultdict(list)
        for reader in ids:
            parts[draw(self.mailing_id, reader) % self.slice_count].append(reader)
        return parts.items()


def _start(session: Session, issue_id: int, *, now: datetime) -> Mailing | None:
    issue = issues.lock(session, issue_id)  # the desk changes it before the mailing is there, or not at all
    if issue_id not in issues.ready(session):
        return None
    mailing = mailings.of_issue(session, issue_id)
    reason = _obstacle(session, issue, now=now) if mailing is None else None
    if reason is not None:
        issues.move(session, issue_id, IssueStatus.SKIPPED, reason=reason)
        return None
    frozen = issues.frozen(issue)
    return mailings.start(
        session,
        issue,
        highest=frozen.highest,
        missed=frozen.missed,
        test_until=_test_until(frozen, now=now),
        now=now,
        expires_at=now + LIFETIME,
        lane=Lane.URGENT if issue.kind is IssueKind.BREAKING else Lane.BULK,
    )


def _obstacle(session: Session, issue: Issue, *, now: datetime) -> SkipReason | None:
    """Say why an issue must not begin to go out: nobody is there, it is too late, or a later one is as far."""
    if audiences.next_bucket(session, issue.newsletter_id, after=-1) is None:
        return SkipReason.NO_READERS
    if issue.slot_at is None or not is_bound_to_slot(issue.slot_at, approved_at=issue.approved_at):
        return None
    limit = rules.of(newsletters.get(session, issue.newsletter_id)).schedule.late_limit
    # One that was changed at the desk after its slot counts from then.
    if schedules.is_too_late(max(issue.slot_at, issue.built_at or issue.slot_at), now=now, limit=limit):
        return SkipReason.TOO_LATE
    return SkipReason.SUPERSEDED if issues.has_later(session, issue, until=now, only_built=True) else None


def _test_until(frozen: FrozenIssue, *, now: datetime) -> datetime | None:
    """Return until when subjects are tested; None when there is nothing to compare."""
    if len(frozen.subjects) < 2 or not frozen.sample_percent or frozen.kind is IssueKind.BREAKING:
        return None
    return now + timedelta(minutes=frozen.test_minutes)


def _dealer(session: Session, mailing: Mailing, quiet: QuietHours) -> _Dealer:
    """Return what deals the readers out; breaking news waits for nobody."""
    issue = issues.get(session, mailing.issue_id)
    frozen = issues.frozen(issue)
    if issue.kind is IssueKind.BREAKING:
        return _Dealer(mailing.id, frozen, None, timedelta(), 1)
    spread = timedelta(minutes=newsletters.get(session, mailing.newsletter_id).spread_minutes)
    slice_count = _slice_count(session, mailing.newsletter_id, spread)
    return _Dealer(mailing.id, frozen, _plan(session, mailing, issue, quiet), spread, slice_count)


def _plan(session: Session, mailing: Mailing, issue: Issue, quiet: QuietHours) -> Plan:
    newsletter = newsletters.get(session, issue.newsletter_id)
    local_time = None
    is_local = rules.of(newsletter).schedule.local_hour
    if is_local and issue.slot_at is not None and issue.schedule_id is not None:
        zone = schedules.zone(newsletters.get_schedule(session, issue.schedule_id).zone)
        local_time = issue.slot_at.astimezone(zone).time()
    return Plan(
        started_at=mailing.started_at,
        cut_off_at=issue.cut_off_at,
        zone_name=newsletter.zone,
        local_time=local_time,
        quiet=quiet,
        test_until=mailing.test_until,
    )


def _slice_count(session: Session, newsletter_id: int, spread: timedelta) -> int:
    """Return into how many slices each bucket is cut, so that there is a batch a minute, and no more than one."""
    minutes = spread // timedelta(minutes=1)
    buckets: list[int] = []
    while len(buckets) <= minutes // 2:
        bucket = audiences.next_bucket(session, newsletter_id, after=buckets[-1] if buckets else -1)
        if bucket is None:
            return min(minutes // len(buckets), waves.SLICE_MAXIMUM) if buckets else 1
        buckets.append(bucket)
    return 1  # with more buckets than that, two slices would be too many


def _add_some(session: Session, mailing: Mailing, dealer: _Dealer) -> bool:
    """Add the next few batches; False when there is no reader left."""
    mailings.lock(session, mailing.id)  # two that expand one issue would cut a bucket into waves twice
    bucket = audiences.next_bucket(
        session, mailing.newsletter_id, after=mailings.last_bucket(session, mailing.id)
    )
    if bucket is None:
        return False
    groups = audiences.audience(
        session,
        mailing.newsletter_id,
        from_bucket=bucket,
        bucket_count=_BUCKETS_AT_ONCE,
        has_all_zones=dealer.plan is not None and dealer.plan.is_local,
    )
    for wave, part in dealer.waves(groups).items():
        due_at = waves.due_at(wave, started_at=mailing.started_at)
        mailings.add_batches(session, mailing.id, part, due_at=due_at, wave=wave)
    return True


def _end(session: Session, mailing: Mailing, dealer: _Dealer) -> None:
    """Let the batches go; when the issue was given up meanwhile, so is its mailing."""
    if issues.move(session, mailing.issue_id, IssueStatus.MAILED, only_from=IssueStatus.BUILT):
        if dealer.spread:
            mailings.set_due(session, _spread(session, mailing, dealer.spread))
        last_due = mailings.last_due(session, mailing.id) or mailing.started_at
        mailings.set_expiry(session, mailing.id, last_due + LIFETIME)
        return
    mailing = mailings.get(session, mailing.id)
    is_given_up = issues.get(session, mailing.issue_id).status is IssueStatus.CANCELLED
    if is_given_up and mailing.status is not MailingStatus.CANCELLED:
        mailings.move(session, mailing, MailingStatus.CANCELLED)


def _spread(session: Session, mailing: Mailing, spread: timedelta) -> dict[int, datetime]:
    """Spread the batches of each wave evenly over a time, in an order in which no reader is always the last."""
    by_quarter: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for place in mailings.places(session, mailing.id):
        by_quarter[waves.quarter(place[1])].append(place)
    due: dict[int, datetime] = {}
    for quarter, places in by_quarter.items():
        begin = waves.due_at(quarter, started_at=mailing.started_at)
        mixed = sorted(places, key=lambda place: draw(mailing.id, *place[1:]))
        due |= {batch_id: begin + spread * rank / len(mixed) for rank, (batch_id, *_) in enumerate(mixed)}
    return due
