"""Explain one reader's mail, or its absence, from what was written at the time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from newsletter.domain import addresses, reasons
from newsletter.domain.errors import InvalidInput, NotFound
from newsletter.domain.issues import IssueKind, IssueStatus
from newsletter.domain.mailings import MailingKind, MailingStatus, MessageStatus, WithheldReason
from newsletter.domain.subscriptions import SubscriptionStatus
from newsletter.store import (
    Session,
    explaining,
    issues,
    newsletters,
    subscribers,
    subscriptions,
    suppressions,
)
from newsletter.store.tables import Issue, Mailing, Message, Newsletter, Subscriber, Subscription

_REPLY_MAX = 200


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Hold why a reader got what in one issue; ``code`` is for programs, ``text`` for people.

    ``is_recomputed``: parts of it were not written down but found again from what was.
    """

    newsletter: str
    issue_id: int | None
    number: int | None
    code: str
    text: str
    facts: Mapping[str, object] = field(default_factory=dict)
    is_recomputed: bool = False


def find_reader(session: Session, who: str, *, now: datetime) -> Subscriber:
    """Return the reader with an address or an id; raise NotFound, which tells of a suppression of the address."""
    if who.isascii() and who.isdigit():
        return subscribers.get(session, int(who[:18]))
    address = addresses.parse(who)
    found = subscribers.find(session, address)
    if found is not None:
        return found
    suppression = suppressions.why(session, address.key, now=now)
    known = f" The address is suppressed ({suppression.reason})." if suppression else ""
    raise NotFound(
        f"No reader has this address.{known}",
        hint="An erased reader is found by id only. Look for one with: newsletter subscribers list --search",
        reason="unknown_reader",
    )


def why_mail(
    session: Session,
    reader: Subscriber,
    *,
    newsletter: Newsletter | None = None,
    issue_id: int | None = None,
    now: datetime,
) -> list[Answer]:
    """Say why a reader got a mail or none: of one issue, else of the newest issue of each newsletter concerned."""
    if issue_id is not None:
        issue = issues.get(session, issue_id)
        require_of(newsletter, issue)
        return [of_issue(session, reader, issue, now=now)]
    chosen = [newsletter] if newsletter is not None else of_reader(session, reader)
    if not chosen:
        raise NotFound(
            "The reader has asked for no newsletter.",
            hint="Name one with --newsletter SLUG.",
            reason="no_subscription",
        )
    return [_newest(session, reader, each, now=now) for each in chosen]


def of_reader(session: Session, reader: Subscriber) -> list[Newsletter]:
    """Return the newsletters that a reader has, had or asked for."""
    held = subscriptions.of_subscriber(session, reader.id)
    return [newsletters.get(session, each.newsletter_id) for each in held]


def require_of(newsletter: Newsletter | None, issue: Issue) -> None:
    """Raise InvalidInput when an issue is not of the newsletter named."""
    if newsletter is not None and issue.newsletter_id != newsletter.id:
        raise InvalidInput(
            f"Issue {issue.id} is not of {newsletter.slug}.",
            hint=f"See its issues with: newsletter issues list --newsletter {newsletter.slug}",
            reason="other_newsletter",
        )


def of_issue(session: Session, reader: Subscriber, issue: Issue, *, now: datetime) -> Answer:
    """Say why a reader got the mail of an issue, or none."""
    newsletter = newsletters.get(session, issue.newsletter_id)
    look = _Look(session, reader, newsletter, issue, now=now)
    code, text, facts = look.tell()
    return Answer(
        newsletter=newsletter.slug,
        issue_id=issue.id,
        number=issue.number,
        code=code,
        text=text,
        facts={**facts, **_standing(session, reader, newsletter, now=now)},
    )


def message_of(session: Session, reader: Subscriber, issue: Issue) -> tuple[Mailing, Message] | None:
    """Return the message that an issue had for a reader: one that may have arrived before one that did not."""
    found = [
        (mailing, message)
        for mailing in explaining.mailings_of(session, issue.id)
        if (message := explaining.message(session, mailing.id, reader.id)) is not None
    ]
    return min(found, key=lambda pair: (pair[1].status, pair[0].id), default=None)


def _newest(session: Session, reader: Subscriber, newsletter: Newsletter, *, now: datetime) -> Answer:
    issue = explaining.newest_issue(session, newsletter.id, now=now)
    if issue is not None:
        return of_issue(session, reader, issue, now=now)
    return Answer(
        newsletter=newsletter.slug,
        issue_id=None,
        number=None,
        code="no_issue",
        text=f"{newsletter.slug} has had no issue yet.",
        facts=_standing(session, reader, newsletter, now=now),
    )


def _standing(
    session: Session, reader: Subscriber, newsletter: Newsletter, *, now: datetime
) -> dict[str, object]:
    """Return how the reader stands today."""
    subscription = subscriptions.get(session, reader.id, newsletter.id)
    suppression = suppressions.why(session, reader.address_key, now=now) if reader.address_key else None
    if subscription is None:
        return {"subscription": None, "suppressed": suppression.reason if suppression else None}
    offered = newsletters.topics(session, newsletter.id, with_retired=True)
    return {
        "subscription": subscription.status.value,
        "topics": [each.slug for each in offered if subscription.topics >> each.number & 1] or "all",
        "cadence": subscription.cadence.value,
        "snoozed_until": subscription.snoozed_until,
        "suppressed": suppression.reason if suppression else None,
    }


_Told = tuple[str, str, dict[str, object]]


class _Look:
    """Look at one issue with the eyes of one reader."""

    def __init__(
        self, session: Session, reader: Subscriber, newsletter: Newsletter, issue: Issue, *, now: datetime
    ) -> None:
        self._session = session
        self._reader = reader
        self._newsletter = newsletter
        self._issue = issue
        self._now = now

    def tell(self) -> _Told:
        found = message_of(self._session, self._reader, self._issue)
        if found is not None:
            return self._message(*found)
        for mailing in explaining.mailings_of(self._session, self._issue.id):
            batch = explaining.batch_of(self._session, mailing.id, self._reader.id)
            if batch is not None:
                return self._waiting(mailing, max(batch.due_at, batch.retry_at or batch.due_at))
        if self._issue.status is IssueStatus.MAILED:
            return self._unplanned()
        return self._not_mailed()

    def _message(self, mailing: Mailing, message: Message) -> _Told:
        at = mailing.started_at + timedelta(seconds=message.at)
        facts: dict[str, object] = {
            "at": at,
            "mailing": mailing.kind.value,
            "smtp_code": message.code or None,
        }
        detail = explaining.detail(self._session, mailing.id, self._reader.id)
        reply = ""
        if detail is not None and detail.reply_text:
            reply = f" The receiver said: {detail.reply_code or ''} {detail.reply_text[:_REPLY_MAX]}".rstrip()
        first = " It was the reader's first digest." if mailing.kind is MailingKind.FIRST else ""
        match message.status:
            case MessageStatus.SUBMITTED:
                return "submitted", f"The mail was handed over at {_at(at)}.{first}", facts
            case MessageStatus.UNCERTAIN:
                return (
                    "uncertain",
                    f"The mail went out at {_at(at)}; no answer came: it may have arrived.",
                    facts,
                )
            case MessageStatus.DEFERRED:
                when = detail.next_attempt_at if detail is not None else None
                again = f"It is tried again at {_at(when)}." if when else "It waits for another attempt."
                return "deferred", f"The mail could not be handed over yet. {again}{reply}", facts
            case MessageStatus.BOUNCED:
                return "bounced", f"The mail was handed over at {_at(at)}, and came back.{reply}", facts
            case MessageStatus.FAILED:
                return "failed", f"The mail was refused, or came back.{reply}", facts
            case MessageStatus.EXPIRED:
                return "expired", f"The mail could not be handed over in time.{reply}", facts
            case MessageStatus.WITHHELD:
                reason = WithheldReason(message.code)
                del facts["smtp_code"]
                return reason.name.lower(), reasons.withheld(message.code) + self._more(reason, at), facts

    def _more(self, reason: WithheldReason, at: datetime) -> str:
        """Return what can be added to a reason."""
        if reason is not WithheldReason.NOT_DUE:
            return ""
        before = [
            mailing
            for mailing, _ in explaining.had(self._session, self._reader.id, lowest_number=0)
            if mailing.newsletter_id == self._newsletter.id and mailing.started_at < at
        ]
        if not before:
            return ""
        last = issues.get(self._session, before[-1].issue_id)
        return f" The last one was issue {last.number}, of {last.cut_off_at:%Y-%m-%d}."

    def _waiting(self, mailing: Mailing, due_at: datetime) -> _Told:
        """Tell of a reader who is planned and has no result."""
        facts: dict[str, object] = {"due_at": due_at, "mailing": mailing.kind.value}
        if mailing.status is MailingStatus.PAUSED:
            return "paused", "The mailing is paused; the reader's turn has not come.", facts
        if mailing.status is MailingStatus.CANCELLED:
            return "cancelled", reasons.WITHHELD[WithheldReason.CANCELLED], facts
        if mailing.fault:
            return "relay_fault", f"Nothing goes out just now: {mailing.fault}", facts
        if due_at > self._now:
            return "not_yet", f"Not yet: the reader's turn is at {_at(due_at)}.", facts
        return "not_yet", f"Not yet: the mail has been due since {_at(due_at)} and waits for a sender.", facts

    def _unplanned(self) -> _Told:
        """Tell of a reader who was not in the plan, which holds who was active when it was made."""
        subscription = subscriptions.get(self._session, self._reader.id, self._newsletter.id)
        mailings = explaining.mailings_of(self._session, self._issue.id)
        started_at = min((each.started_at for each in mailings), default=self._issue.cut_off_at)
        code, text = self._absence(subscription, started_at)
        return code, text, {"mailing_started_at": started_at}

    def _absence(self, subscription: Subscription | None, started_at: datetime) -> tuple[str, str]:
        if self._reader.erased_at is not None:
            return "erased", f"The reader was erased on {self._reader.erased_at:%Y-%m-%d}."
        if subscription is None:
            return "no_subscription", f"The reader never asked for {self._newsletter.slug}."
        if subscription.status is SubscriptionStatus.PENDING:
            return "pending", "The reader has not confirmed the subscription."
        if subscription.confirmed_at is not None and subscription.confirmed_at > started_at:
            return "joined_later", (
                f"The reader confirmed at {_at(subscription.confirmed_at)}, after the issue's readers were fixed at "
                f"{_at(started_at)}."
            )
        if subscription.ended_at is not None:
            why = subscription.end_reason.value if subscription.end_reason else "ended"
            return "ended", f"The subscription had ended ({why}) on {subscription.ended_at:%Y-%m-%d}."
        return "not_planned", "The reader was not among those who were active when the issue went out."

    def _not_mailed(self) -> _Told:
        issue = self._issue
        name = "The breaking news" if issue.kind is IssueKind.BREAKING else f"Issue {issue.number}"
        facts: dict[str, object] = {"issue_status": issue.status.value, "reason": issue.reason}
        match issue.status:
            case IssueStatus.SKIPPED:
                return "issue_skipped", f"{name} did not go out: {reasons.skipped(issue.reason)}.", facts
            case IssueStatus.CANCELLED:
                return "issue_cancelled", f"{name} was given up.", facts
            case IssueStatus.HELD:
                return "issue_held", f"{name} waits for an editor's word.", facts
        if issue.is_held:
            return "issue_held", f"{name} waits for an editor's word.", facts
        if issue.fault:
            return "issue_fault", f"{name} cannot be built: {issue.fault}", facts
        if issue.status is IssueStatus.BUILT:
            return "issue_built", f"{name} is built and has not gone out yet.", facts
        return (
            "issue_planned",
            f"{name} is planned; articles are taken in until {_at(issue.cut_off_at)}.",
            facts,
        )


def _at(instant: datetime | None) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC" if instant else "-"
