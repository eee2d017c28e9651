"""Choose the stories of one reader as a mailing of the issue would, for looking at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from newsletter.domain.errors import Conflict, InvalidInput
from newsletter.domain.rendered import FrozenIssue
from newsletter.domain.subscriptions import Cadence
from newsletter.sending import history
from newsletter.store import Session, readers

_NO_MAILING = 0


def of_topics(frozen: FrozenIssue, slugs: Sequence[str]) -> bytes:
    """Return the picks of a new reader who follows these topics; none = all."""
    numbers = {topic.slug: topic.number for topic in frozen.topics}
    if unknown := sorted(set(slugs) - set(numbers)):
        raise InvalidInput(
            f"The newsletter has no topic {unknown[0]!r}.",
            hint=f"See them with: newsletter topics list {frozen.identity.slug}",
            reason="unknown_topic",
        )
    mask = sum(1 << numbers[slug] for slug in set(slugs))
    picks = frozen.chooser().choose(topics=mask, cadence=Cadence.EVERY_ISSUE, history=0)
    return _something(picks, "In these topics there is no story.", "Leave --topics out, or name others.")


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
