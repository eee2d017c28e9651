"""Look once a minute for what went wrong in silence; tell it by log and mail, and help where a rule says so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from newsletter.digest.desk import SERVICE
from newsletter.domain import schedules, watch
from newsletter.domain.editors import Actor, Role, Way, may
from newsletter.domain.errors import InvalidInput
from newsletter.domain.rules import Rules
from newsletter.domain.watch import AlertCode, Sighting, WatchedIssue
from newsletter.runtime import logs
from newsletter.store import (
    Session,
    Transactions,
    alerts,
    audit,
    beats,
    editors,
    newsletters,
    notices,
    rules,
    watching,
)
from newsletter.store.tables import Alert, Newsletter, NoticeKind

BEAT = "watch"
_IN_ONE_MAIL = 20  # alerts; more are a flood, and the doctor has all
_OWN = tuple(code for code in AlertCode if code is not AlertCode.SERVICE_STOPPED)
_log = logs.get(__name__)


def look(transactions: Transactions, *, alert_address: str, now: datetime) -> int:
    """Look for what a person must be told of, if it is time to; return how many mails were queued.

    Only one of many workers looks. Nothing here is sent: mails are notices.
    """
    with transactions() as session:
        before = beats.last(session, BEAT)
        if not beats.take_turn(session, BEAT, every=watch.LOOK_EVERY, now=now):
            return 0
    with transactions() as session:
        _Watch(session, now=now).look(before)
        return _mail(session, alert_address=alert_address, now=now)


class _Watch:
    """Look at everything as of one instant."""

    def __init__(self, session: Session, *, now: datetime) -> None:
        self._session = session
        self._now = now
        self._newsletters = {each.id: each for each in newsletters.listing(session)}
        self._slots = watching.slots(session, since=now - watch.LOOK_BACK, until=now)
        self._open = alerts.open_counts(session).keys()

    def look(self, before: datetime | None) -> None:
        """Tell what is new, and end what is over; ``before`` is when this was last done."""
        seen = [*self._issues(), *self._unplanned(), *self._stuck()]
        for sighting in seen:
            self._tell(sighting)
        for code in _OWN:
            if code is AlertCode.IMAGES_MISSING or code not in self._open:
                continue
            subjects = [each.subject for each in seen if each.code is code]
            alerts.resolve_others(self._session, code, subjects, now=self._now)
        self._images()
        self._stood_still(before)
        self._fall_back()
        self._log(before)

    def _issues(self) -> Iterator[Sighting]:
        mailed = watching.last_mailed_slots(self._session)
        for issue in self._slots:
            slug, rule = self._slug(issue.newsletter_id), self._rules(issue.newsletter_id)
            is_over = mailed.get(issue.newsletter_id, issue.slot_at) > issue.slot_at
            if is_over:
                continue
            found = (
                watch.issue_missing(issue, slug=slug, alert_after=rule.desk.alert_after, now=self._now),
                watch.template_fault(issue, slug=slug, now=self._now),
            )
            yield from (each for each in found if each is not None)

    def _unplanned(self) -> Iterator[Sighting]:
        planned = {(issue.newsletter_id, issue.slot_at) for issue in self._slots}
        for newsletter_id, slot_at in watching.unplanned(self._session, until=self._now):
            rule = self._rules(newsletter_id)
            newsletter = self._newsletters[newsletter_id]
            is_free = schedules.is_holiday(slot_at, rule.schedule.holidays, zone_name=newsletter.zone)
            if is_free or (newsletter_id, slot_at) in planned:
                continue
            found = watch.slot_missing(
                slot_at,
                newsletter_id=newsletter_id,
                slug=newsletter.slug,
                alert_after=rule.desk.alert_after,
                now=self._now,
            )
            if found is not None:
                yield found

    def _stuck(self) -> Iterator[Sighting]:
        for mailing in watching.running(self._session):
            if mailing.started_at > self._now - watch.STILL_FOR:
                continue
            last = watching.last_step(self._session, mailing.mailing_id) or mailing.started_at
            due = watching.due_since(self._session, mailing.mailing_id, now=self._now)
            if watch.is_still(last_step_at=last, due_since=due, fault=mailing.fault, now=self._now):
                yield Sighting(
                    code=AlertCode.ISSUE_STUCK,
                    subject=f"{mailing.slug} {mailing.number}",
                    text=f"Issue {mailing.number} of {mailing.slug} has stopped going out since {last:%H:%M} UTC: "
                    f"{mailing.fault or 'mail is due and nobody sends it; do the senders run?'}",
                    newsletter_id=mailing.newsletter_id,
                )

    def _images(self) -> None:
        for issue_id, newsletter_id in watching.built_since(self._session, self._now - watch.IMAGES_LOOK):
            share, *earlier = (
                watch.images_share(frozen["stories"])
                for frozen in watching.frozen_before(self._session, newsletter_id, issue_id)
            )
            slug = self._slug(newsletter_id)
            if not watch.are_images_missing(share, earlier):
                if AlertCode.IMAGES_MISSING in self._open:
                    alerts.resolve(self._session, AlertCode.IMAGES_MISSING, slug, now=self._now)
                continue
            text = (
                f"Only {round(100 * (share or 0))} % of the new stories of {slug} have a picture; it was far more in "
                "the issues before. Has the feed changed?"
            )
            self._tell(
                Sighting(code=AlertCode.IMAGES_MISSING, subject=slug, text=text, newsletter_id=newsletter_id)
            )

    def _stood_still(self, before: datetime | None) -> None:
        """Tell of a time in which nothing ran, when an issue was due in it; of older slots nobody else tells."""
        if before is None or before > self._now - watch.SILENT_FOR:
            return
        missed = sorted(
            {
                self._slug(schedule.newsletter_id)
                for schedule in newsletters.active_schedules(self._session)
                if schedules.next_slot(schedule.cron, schedule.zone, after=before) <= self._now
            }
        )
        if missed:
            text = (
                f"Nothing ran from {before:%Y-%m-%d %H:%M} to {self._now:%Y-%m-%d %H:%M} UTC, and issues were due: "
                f"{', '.join(missed)}"
            )
            subject = f"{before:%Y-%m-%d %H:%M} UTC"
            self._tell(
                Sighting(code=AlertCode.SERVICE_STOPPED, subject=subject, text=text, newsletter_id=None)
            )

    def _fall_back(self) -> None:
        for issue in self._slots:
            if (
                self._rules(issue.newsletter_id).desk.fallback
                and watch.wants_fallback(issue, now=self._now)
                and watching.make_fallback(self._session, issue.issue_id)
            ):
                self._write_fallback_down(issue)

    def _write_fallback_down(self, issue: WatchedIssue) -> None:
        audit.append(
            self._session,
            SERVICE,
            "fall_back",
            now=self._now,
            newsletter_id=issue.newsletter_id,
            issue_id=issue.issue_id,
            fault=issue.fault,
        )
        _log.error("issue_falls_back", issue=issue.issue_id, fault=issue.fault)

    def _tell(self, sighting: Sighting) -> None:
        if sighting.is_past and alerts.find(self._session, sighting.code, [sighting.subject]):
            return
        alerts.note(
            self._session,
            sighting.code,
            sighting.subject,
            sighting.text,
            now=self._now,
            newsletter_id=sighting.newsletter_id,
        )

    def _log(self, before: datetime | None) -> None:
        """Write down what began since the last look, whoever told it."""
        for alert in alerts.since(self._session, before or self._now - watch.LOOK_EVERY):
            _log.error(alert.code, subject=alert.subject, text=alert.text)

    def _slug(self, newsletter_id: int) -> str:
        return self._newsletters[newsletter_id].slug

    def _rules(self, newsletter_id: int) -> Rules:
        try:
            return rules.of(self._newsletters[newsletter_id])
        except InvalidInput:  # told wherever it is used; the watch must go on
            return Rules()


def _mail(session: Session, *, alert_address: str, now: datetime) -> int:
    """Queue one mail for each person about all that is to be told now."""
    due = alerts.to_mail(session, now=now, again_after=watch.MAIL_AGAIN_AFTER)
    known = {each.id: each for each in newsletters.listing(session)}
    if not due or not known:
        return 0
    admins = [
        (
            editor.address,
            Actor(
                name=editor.name, way=Way.MAIL, role=editor.role, newsletters=frozenset(editor.newsletters)
            ),
        )
        for editor in editors.active(session)
    ]
    told: dict[str, list[Alert]] = {}
    for alert in due:
        theirs = [
            address for address, actor in admins if may(actor, Role.ADMIN, newsletter_id=alert.newsletter_id)
        ]
        for address in theirs or ([alert_address] if alert_address else []):
            told.setdefault(address, []).append(alert)
    for address, some in told.items():
        _queue(session, address, some, known, now=now)
    alerts.mailed(session, [alert.id for some in told.values() for alert in some], now=now)
    return len(told)


def _queue(
    session: Session, address: str, some: list[Alert], known: dict[int, Newsletter], *, now: datetime
) -> None:
    """Queue a mail, in the name of the newsletter that most of it is about."""
    named = [alert.newsletter_id for alert in some if alert.newsletter_id in known]
    notices.add_for_desk(
        session,
        NoticeKind.ALERT,
        address,
        named[0] if named and named[0] is not None else min(known),
        {
            "alerts": [
                {
                    "code": alert.code,
                    "subject": alert.subject,
                    "text": alert.text,
                    "first_at": alert.first_at.isoformat(),
                }
                for alert in some[:_IN_ONE_MAIL]
            ],
            "more_count": max(0, len(some) - _IN_ONE_MAIL),
        },
        now=now,
        expires_at=now + watch.MAIL_AGAIN_AFTER,
    )
