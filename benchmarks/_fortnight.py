"""Make a fortnight of a newsletter: its articles, its readers, and what each reader had, chosen by the real chooser.

30 topics, all as frequent, of which each reader follows 4 to 12, so that most digests differ; four cadences; 60
articles a day. Every earlier digest is chosen for every reader from the candidates and the history of its day, so that
histories are what they would be.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any  # columns are of many types

from issue import make_issue, make_story

from newsletter.domain.mailings import BUCKET_SIZE, MessageStatus
from newsletter.domain.rendered import FrozenIssue, FrozenLink, FrozenStory, FrozenTopic
from newsletter.domain.selection import Chooser, Wish
from newsletter.domain.subscriptions import Cadence
from newsletter.store import Session, driver
from newsletter.store.messages import MessageRow

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)  # a Tuesday
DAY = timedelta(days=1)
DAY_COUNT = 14  # days of history
TOPIC_COUNT = 30
NEW_A_DAY = 60
FIRST_READER = BUCKET_SIZE  # the readers fill whole buckets
STORY_MAXIMUM = 19  # of which three are for everybody
_WARM_UP = 7  # days of articles before the first mailing
_WINDOW = 7  # days that an article stays a candidate
_AUTHOR_COUNT = 40
_CADENCES = [Cadence.EVERY_ISSUE] + 5 * [Cadence.DAILY] + 2 * [Cadence.WEEKDAYS] + 2 * [Cadence.WEEKLY]
_CHOSEN_TOGETHER = 1024  # readers
_SATURDAY = 5
# Of a thousand messages: 12 failed, 5 were withheld, 5 are uncertain.
_ENDS = {
    **dict.fromkeys(range(12), MessageStatus.FAILED.value),
    **dict.fromkeys(range(12, 17), MessageStatus.WITHHELD.value),
    **dict.fromkeys(range(17, 22), MessageStatus.UNCERTAIN.value),
}
_SUBMITTED = MessageStatus.SUBMITTED.value
HAD = (MessageStatus.SUBMITTED, MessageStatus.UNCERTAIN)


@dataclass(frozen=True)
class Reader:
    """Hold a reader; ``topics`` is a bit mask."""

    number: int
    topics: int
    cadence: Cadence


def cut_off(day: int) -> datetime:
    """Return when the issue of a day was closed; the last day, DAY_COUNT, is today."""
    return NOW - (DAY_COUNT - day) * DAY


def highest(day: int) -> int:
    """Return the newest article of a day."""
    return (_WARM_UP + day + 1) * NEW_A_DAY


def is_due(cadence: Cadence, day: int) -> bool:
    """Say whether readers of a cadence get the issue of a day; all weekly ones get it on the same day."""
    if cadence is Cadence.WEEKDAYS:
        return cut_off(day).weekday() < _SATURDAY
    return cadence is not Cadence.WEEKLY or (DAY_COUNT - day) % 7 == 0


def readers(first: int, count: int) -> list[Reader]:
    """Return neighbouring readers, the same on every run."""
    draw = random.Random(first)
    found = []
    for number in range(first, first + count):
        topics, wanted = 0, draw.randint(4, 12)
        while topics.bit_count() < wanted:
            topics |= 1 << _topic(draw)
        found.append(Reader(number, topics, draw.choice(_CADENCES)))
    return found


@cache
def issue(day: int, candidate_days: int = _WINDOW) -> FrozenIssue:
    """Return the issue of a day: ranked by importance, age in half days, number."""
    plain, at, newest = make_issue(1), cut_off(day), highest(day)
    numbers = range(max(1, newest - candidate_days * NEW_A_DAY + 1), newest + 1)
    members: dict[int, list[int]] = defaultdict(list)
    for number in range(numbers.start, newest + 1):
        members[_lead(number, newest)].append(number)
    stories = [_story(lead, sorted(set(all_of) - {lead}), newest) for lead, all_of in members.items()]
    stories.sort(key=lambda s: (-_importance(s.number), (at - s.seen_at) // (DAY / 2), -s.number))
    return replace(
        plain,
        issue_id=day + 1,
        number=day + 1,
        issued_on=at.date(),
        topics=tuple(FrozenTopic(number=n, slug=f"t{n}", name=f"Topic {n}") for n in range(TOPIC_COUNT)),
        stories=tuple(stories),
        highest=newest,
        cut_off_at=at,
        story_maximum=STORY_MAXIMUM,
        reach_hours=48,
        top_count=3,
        outside_percent=10,
        section_maximum=4,
        author_maximum=3,
    )


@cache
def chooser(day: int) -> Chooser:
    """Return what chooses from the issue of a day."""
    return issue(day).chooser()


def fortnight(some: Sequence[Reader], mailing_ids: Sequence[int]) -> Iterator[list[MessageRow]]:
    """Yield, day by day, the messages of some readers."""
    had = [0] * len(some)
    for day, mailing_id in enumerate(mailing_ids):
        had = [mask << NEW_A_DAY for mask in had]
        are_due = {cadence: is_due(cadence, day) for cadence in Cadence}
        due = [place for place, reader in enumerate(some) if are_due[reader.cadence]]
        rows: list[MessageRow] = []
        for place, picks in zip(due, _picks(day, [(some[place], had[place]) for place in due]), strict=True):
            number = some[place].number
            status = _ENDS.get((number * 7919 + day * 104_729) % 1000, _SUBMITTED)
            if status in HAD:
                had[place] |= int.from_bytes(picks, "big")
            if picks:
                at = number // 20_000  # seconds after the start
                rows.append((mailing_id, number, at, 250, status, picks))
        yield rows


def _picks(day: int, due: Sequence[tuple[Reader, int]]) -> Iterator[bytes]:
    """Choose for readers, each with what was had."""
    for start in range(0, len(due), _CHOSEN_TOGETHER):
        some = due[start : start + _CHOSEN_TOGETHER]
        wishes = [Wish(reader.topics, reader.cadence, had) for reader, had in some]
        for choice in chooser(day).choices(wishes):
            yield choice.picks


def write(session: Session, table: str, columns: str, rows: Iterator[tuple[Any, ...]]) -> None:
    """Write many rows."""
    with driver.cursor(session) as cursor:
        if driver.is_sqlite(session):
            marks = ", ".join("?" for _ in columns.split(","))
            cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)
            return
        with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)


def _story(lead: int, others: list[int], newest: int) -> FrozenStory:
    draw = random.Random(lead)
    section = _topic(draw)
    topics = 1 << section | (1 << _topic(draw) if draw.random() < 0.3 else 0)
    story = make_story(lead)
    more = [FrozenLink(number=n, title=story.title, url=story.url) for n in reversed(others)][:3]
    seen_at = NOW - (highest(DAY_COUNT) - lead) * DAY / NEW_A_DAY
    return replace(
        story,
        article_id=lead,
        topics=topics,
        section=section,
        author=f"Author {draw.randrange(_AUTHOR_COUNT)}",
        seen_at=seen_at,
        published_at=seen_at,
        is_fresh=lead > newest - NEW_A_DAY,
        members=tuple(others),
        more=tuple(more),
    )


def _lead(number: int, newest: int) -> int:
    """Return the article that tells the story of another: one in twelve is told by one that came a little later."""
    while True:
        draw = random.Random(-number)
        follower = number + draw.randint(1, NEW_A_DAY // 2)
        if draw.random() > 1 / 12 or follower > newest:
            return number
        number = follower


def _importance(number: int) -> int:
    return random.Random(number * 31).choices((0, 1, 2, 3), (70, 20, 8, 2))[0]


def _topic(draw: random.Random) -> int:
    return int(draw.random() * TOPIC_COUNT)
