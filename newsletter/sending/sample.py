"""Choose the stories of one reader as a mailing of the issue would, for looking at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from newsletter.domain.errors import Conflict, InvalidInput
from newsletter.domain.rendered import FrozenIssue
from newsletter.domain.selection import decode_picks
from newsletter.domain.subscriptions import Cadence
from newsletter.sending import history
from newsletter.store import Session, issues, readers

_NO_MAILING = 0


def of_topics(session: Session, frozen: FrozenIssue, slugs: Sequence[str]) -> bytes:
    """Return the picks of a reader of every issue who follows these topics, none = all, and got those before.

    When that leaves nothing, they are those of a reader who has just come, so that there is something to look at.
    """
    numbers = {topic.slug: topic.number for topic in frozen.topics}
    if unknown := sorted(set(slugs) - set(numbers)):
        raise InvalidInput(
            f"The newsletter has no topic {unknown[0]!r}.",
            hint=f"See them with: newsletter topics list {frozen.identity.slug}",
            reason="unknown_topic",
        )
    mask = sum(1 << numbers[slug] for slug in set(slugs))
    had = _had_before(session, frozen, topics=mask)
    picks = _choose(frozen, topics=mask, had=had) or _choose(frozen, topics=mask, had=set())
    return _something(picks, "In these topics there is no story.", "Leave --topics out, or name others.")


def _had_before(session: Session, frozen: FrozenIssue, *, topics: int) -> set[int]:
    """Return the numbers of the articles that the issues before this one told a reader of these topics."""
    had: set[int] = set()
    since = frozen.cut_off_at - timedelta(hours=frozen.reach_hours)
    earlier = issues.mailed_between(
        session, frozen.identity.newsletter_id, since=since, until=frozen.cut_off_at
    )
    for issue in map(issues.frozen, earlier):
        had.update(decode_picks(_choose(issue, topics=topics, had=had), highest=issue.highest))
    return had


def _choose(frozen: FrozenIssue, *, topics: int, had: set[int]) -> bytes:
    known = sum(1 << (frozen.highest - number) for number in had if number <= frozen.highest)
    return frozen.chooser().choose(topics=topics, cadence=Cadence.EVERY_ISSUE, history=known)


def of_reader(session: Session, frozen: FrozenIssue, subscriber_id: int, *, now: datetime) -> bytes:
    """Return the picks of a reader: by topics, cadence and what the reader has had already."""
    newsletter_id = frozen.identity.newsletter_id
    reader = readers.find(session, newsletter_id, [subscriber_id], now=now).get(subscriber_id)
    if reader is None or not reader.is_active:
        raise Conflict(
            "The reader has no active subscription to this newsletter.",
            hint="Choose another reader, or topics.",
            reason="not_subscribed",
        )
    known = history.read(session, frozen, [subscriber_id], other_than=_NO_MAILING, now=now)
    had = known.of(subscriber_id, signup_number=reader.signup_number)
    again = known.again(subscriber_id)
    picks = frozen.chooser().choose(topics=reader.topics, cadence=reader.cadence, history=had, again=again)
    return _something(
        picks,
        "The reader has had every story that the reader follows: no mail would go out.",
        "Choose another reader, or topics.",
    )


def _something(picks: bytes, message: str, hint: str) -> bytes:
    if not picks:
        raise Conflict(message, hint=hint, reason="no_stories")
    return picks
