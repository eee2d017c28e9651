"""Measure choosing: what the stories of one reader cost, beside a plain walk over the candidates in the same run."""

from __future__ import annotations

import argparse
import statistics
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from newsletter.domain import selection
from newsletter.domain.histories import History
from newsletter.domain.selection import Candidate, Chooser, Limits
from newsletter.domain.subscriptions import REACH, Cadence

T = TypeVar("T")

FIRST = datetime(2026, 11, 19, 6, tzinfo=UTC)
TARGET = 20.0  # us for each reader
TOPIC_COUNT = 30
AUTHOR_COUNT = 40
PICKS = 16
READER_COUNT = 2_000
RUN_COUNT = 9
PLAIN = Limits(maximum=PICKS)
EVERYTHING = Limits(maximum=PICKS, top_count=3, outside_percent=10, section_maximum=4, author_maximum=3)
EARLIER = 5  # issues whose picks a reader's history joins
CADENCES = [Cadence.EVERY_ISSUE] + 6 * [Cadence.DAILY] + 3 * [Cadence.WEEKLY]


@dataclass(frozen=True)
class Reader:
    """Hold what is known of a reader; ``had`` are the picks of earlier issues with their highest numbers."""

    topics: int
    cadence: Cadence
    had: tuple[tuple[bytes, int], ...] = ()


@dataclass(frozen=True)
class Issue:
    """Hold the candidates of one morning, in the order of the mail."""

    candidates: list[Candidate]
    highest: int
    cut_off: datetime

    def chooser(self, limits: Limits = PLAIN) -> Chooser:
        """Prepare the choosing."""
        return Chooser(self.candidates, highest=self.highest, limits=limits, cut_off=self.cut_off)


def main() -> None:
    """Print the figures; the runs of both ways alternate, so that a busy machine slows both."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--candidates", type=int, default=400)
    count = options.parse_args().candidates
    issue = make_issue(EARLIER, count)
    readers = make_readers(count)
    histories = join(readers, issue.highest)
    prepared_in, chooser = timed(lambda: prepared(issue))

    def choose() -> list[bytes]:
        return [
            chooser.choose(topics=reader.topics, cadence=reader.cadence, history=history)
            for reader, history in zip(readers, histories, strict=True)
        ]

    def walk() -> list[bytes]:
        return [
            walk_candidates(issue, reader, history)
            for reader, history in zip(readers, histories, strict=True)
        ]

    hybrid = issue.chooser(EVERYTHING)

    def choose_with_everything() -> list[bytes]:
        return [
            hybrid.choose(topics=reader.topics, cadence=reader.cadence, history=history)
            for reader, history in zip(readers, histories, strict=True)
        ]

    assert choose() == walk()
    joining, choosing, with_everything, walking = interleaved(
        lambda: join(readers, issue.highest), choose, choose_with_everything, walk
    )
    octets = statistics.mean(len(picks) for picks in choose())
    stories = statistics.mean(int.from_bytes(picks, "big").bit_count() for picks in choose())
    print(f"candidates {count}, readers {READER_COUNT}, median of {RUN_COUNT} interleaved runs")
    print(f"prepare, once               {prepared_in * 1e3:8.1f} ms")
    print(f"join {EARLIER} earlier issues       {joining:8.1f} us each reader")
    print(f"choose                      {choosing:8.1f} us each reader")
    print(f"with top, share and maxima  {with_everything:8.1f} us each reader  (target {TARGET:.0f})")
    print(
        f"walk over the candidates    {walking:8.1f} us each reader  ({walking / choosing:.1f} times as long)"
    )
    print(f"picks, mean                 {stories:8.1f} stories in {octets:.1f} octets")


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Return how many seconds of this process a piece of work took, and its result."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def interleaved(*works: Callable[[], object]) -> list[float]:
    """Run each piece of work in turn, again and again; return the medians in microseconds for each reader."""
    runs = [[timed(work)[0] for work in works] for _ in range(RUN_COUNT)]
    return [statistics.median(times) / READER_COUNT * 1e6 for times in zip(*runs, strict=True)]


def prepared(issue: Issue) -> Chooser:
    """Return a chooser that has met a history."""
    chooser = issue.chooser()
    chooser.choose(topics=0, cadence=Cadence.WEEKLY, history=1)
    return chooser


def join(readers: Sequence[Reader], highest: int) -> list[int]:
    """Return the readers' histories in the age space of an issue."""
    joined = History(highest=highest)
    days = zip(*(reader.had for reader in readers), strict=True)  # everybody had the same issues
    for had in days:
        joined.add(
            ((place, picks) for place, (picks, _) in enumerate(had)), highest_then=had[0][1], cut_off_at=FIRST
        )
    return [joined.of(place, signup_number=None) for place in range(len(readers))]


def walk_candidates(issue: Issue, reader: Reader, history: int) -> bytes:
    """Choose in the plainest way."""
    reach = REACH[reader.cadence]
    numbers = []
    for candidate in issue.candidates:
        if history >> (issue.highest - candidate.number) & 1:
            continue
        if reader.topics and candidate.topics and not candidate.topics & reader.topics:
            continue
        if candidate.is_fresh or (reach is not None and candidate.seen_at > issue.cut_off - reach):
            numbers.append(candidate.number)
            if len(numbers) == PICKS:
                break
    return selection.encode_picks(numbers, highest=issue.highest)


def make_issue(day: int, count: int) -> Issue:
    """Return the issue of a day: a week of articles at even distances; few topics have most of them."""
    step = timedelta(days=7) / count
    highest = count + day * count // 7
    cut_off = FIRST + timedelta(days=day)
    found = []
    for number in range(highest, highest - count, -1):
        seen_at = cut_off - step * (highest - number)
        is_fresh = seen_at > cut_off - timedelta(days=1)
        about = topic("article", number)
        found.append(
            Candidate(
                number,
                about,
                seen_at,
                is_fresh,
                section=about.bit_length() - 1,
                author=f"Author {drawn(AUTHOR_COUNT, 'author', number)}",
            )
        )
    return Issue(found, highest, cut_off)


def make_readers(count: int) -> list[Reader]:
    """Return readers of one to eleven topics who had what was theirs in the issues before."""
    readers = [make_reader(number) for number in range(READER_COUNT)]
    for day in range(EARLIER):
        issue = make_issue(day, count)
        chooser = issue.chooser()
        histories = join(readers, issue.highest)
        for place, (reader, history) in enumerate(zip(readers, histories, strict=True)):
            picks = chooser.choose(topics=reader.topics, cadence=reader.cadence, history=history)
            readers[place] = replace(reader, had=(*reader.had, (picks, issue.highest)))
    return readers


def make_reader(number: int) -> Reader:
    """Return a reader who has had nothing yet."""
    topics = 0
    for k in range(1 + drawn(11, "count", number)):
        topics |= topic("reader", number, k)
    return Reader(topics, CADENCES[drawn(len(CADENCES), "cadence", number)])


def topic(*what: str | int) -> int:
    """Return the bit of one topic; topic k comes about 1/k as often as the first."""
    place = drawn(1000, "topic", *what) / 1000
    return 1 << min(int((TOPIC_COUNT + 1) ** place) - 1, TOPIC_COUNT - 1)


def drawn(count: int, *what: str | int) -> int:
    """Return a number below ``count`` that looks drawn and is the same on every run."""
    return zlib.crc32(repr(what).encode()) * count >> 32


if __name__ == "__main__":
    main()
