"""A story that readers were told stays one story in every later issue, unless an editor says otherwise."""

from __future__ import annotations

import random  # noqa: TID251 - the seed decides everything
from collections.abc import Iterator, Sequence
from typing import Any  # rows of made-up articles

import pytest

from newsletter.digest.candidates import Answer
from newsletter.store.stories import Found
from tests.clocks import NOON
from tests.digest.test_candidates import HOUR, article, chosen

ISSUES = 4
A_DAY = 24 * HOUR
SYLLABLES = ("ka", "lo", "mi", "ru", "te", "sa", "no", "vi", "de", "pu")


def word(chance: random.Random) -> str:
    return "".join(chance.choice(SYLLABLES) for _ in range(3))


def articles(seed: int) -> list[Found]:
    """Make up articles about a few events each day; an event's articles share some of its words, seldom all."""
    chance = random.Random(seed)
    everyday = [word(chance) for _ in range(60)]
    events = [[word(chance).capitalize() for _ in range(7)] for _ in range(14)]
    rows = []
    for number in range(1, 141):
        day = chance.randrange(ISSUES)
        event = events[(day * 3 + chance.randrange(5)) % len(events)]
        title = chance.sample(event, 3) + chance.sample(everyday, 2)
        lead = chance.sample(event, 4) + chance.sample(everyday, 6)
        for words in (title, lead):
            chance.shuffle(words)
        rows.append(
            article(
                number,
                hours=(ISSUES - 1 - day) * 24 + chance.random() * 23,
                title=" ".join(title),
                summary=" ".join(lead) + ".",
                is_worth_telling=chance.random() < 0.03,
            )
        )
    return rows


def issues(rows: Sequence[Found], **over: Any) -> Iterator[Answer]:
    """Freeze one issue a day, each knowing what those before it told as one story."""
    together: set[tuple[int, int]] = set()
    for day in range(ISSUES):
        cut_off_at = NOON - (ISSUES - 1 - day) * A_DAY
        answer = chosen(
            *(row for row in rows if row.seen_at <= cut_off_at),
            since=cut_off_at - A_DAY,
            reach=cut_off_at - 7 * A_DAY,
            cut_off_at=cut_off_at,
            together=sorted(together),
            **over,
        )
        together |= set(answer.members)
        yield answer


def told_again(seed: int, frozen: Sequence[Answer]) -> list[tuple[int, int]]:
    """Let readers with whims of their own get the issues; return the articles of stories they had, by issue."""
    chance = random.Random(seed)
    again = []
    for _ in range(25):
        picks: set[int] = set()
        had: set[int] = set()  # every article of every story that the reader had
        for place, answer in enumerate(frozen):
            for story in answer.stories:
                articles_of = {story.number, *story.members}
                is_known = not picks.isdisjoint(articles_of)
                if not is_known and chance.random() < 0.5:
                    picks |= set(story.candidate.told)
                    is_known = True
                    if story.number in had and not story.is_update:
                        again.append((place, story.number))
                had |= articles_of if is_known else set()
    return again


# The first eight of 60 told a story again before an issue knew what those before it had told as one.
@pytest.mark.parametrize("seed", [0, 19, 31, 41, 43, 48, 51, 59, 1, 2])
def test_nobody_is_told_a_story_again(seed: int) -> None:
    frozen = list(issues(articles(seed)))

    assert told_again(seed, frozen) == []
    assert any(story.members for answer in frozen for story in answer.stories)
