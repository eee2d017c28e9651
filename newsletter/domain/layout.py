"""Lay the chosen stories of one reader out: which style each gets, the subject, the preheader. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from newsletter.domain.rendered import BlockKind, FrozenIssue, FrozenStory

CARD_MAXIMUM = 5  # a lead and five cards fill about three screens of a phone; the rest is for skimming
SUBJECT_MAXIMUM = 90  # characters; phones show about 40, desktops about 70
PREHEADER_MAXIMUM = 110  # characters; more is not shown by any client

_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})


class StoryStyle(StrEnum):
    """Say how large a story stands."""

    LEAD = "lead"
    CARD = "card"
    BRIEF = "brief"


class HeadingKey(StrEnum):
    """Name the headings between stories."""

    MORE = "more"
    MISSED = "missed"


@dataclass(frozen=True)
class Placement:
    """Name one block: a story in a style, or a heading."""

    kind: BlockKind
    key: str
    style: str = ""


def arrange(numbers: Sequence[int], missed: Sequence[int] = ()) -> list[Placement]:
    """Place article numbers, given in the order of the mail: a lead, cards, then briefs under a heading.

    A single brief would not deserve a heading: it becomes a card. ``missed`` are told once more: briefs at the end,
    under a heading of their own; with nothing before them they are told like all others.
    """
    if not numbers:
        return arrange(missed) if missed else []
    end = cards_end(len(numbers))
    placements = [_story(numbers[0], StoryStyle.LEAD)]
    placements += [_story(number, StoryStyle.CARD) for number in numbers[1:end]]
    briefs = [_story(number, StoryStyle.BRIEF) for number in numbers[end:]]
    if briefs:
        placements.append(Placement(BlockKind.HEADING, HeadingKey.MORE))
    again = [_story(number, StoryStyle.BRIEF) for number in missed]
    if again:
        again.insert(0, Placement(BlockKind.HEADING, HeadingKey.MISSED))
    return placements + briefs + again


def cards_end(story_count: int) -> int:
    """Return how many of so many stories stand before the briefs: the lead and its cards."""
    return story_count if story_count <= CARD_MAXIMUM + 2 else CARD_MAXIMUM + 1


def of_issue(issue: FrozenIssue, numbers: Sequence[int], *, middle: BlockKind) -> tuple[Placement, ...]:
    """Return all blocks of a digest of an issue, given its article numbers in the order of the mail."""
    again = {story.number for story in issue.stories if story.is_missed}
    return digest(
        [number for number in numbers if number not in again],
        middle=middle,
        missed=[number for number in numbers if number in again],
        has_note=bool(paragraphs(issue.note)),
    )


def digest(
    numbers: Sequence[int], *, middle: BlockKind, missed: Sequence[int] = (), has_note: bool = False
) -> tuple[Placement, ...]:
    """Return all blocks of a digest, given its article numbers in order.

    ``middle`` is PERSONAL in a mail and WEB on a page.
    """
    return (
        Placement(BlockKind.FRAME_HEAD, ""),
        *([Placement(BlockKind.NOTE, "")] if has_note else []),
        *arrange(numbers, missed),
        Placement(middle, ""),
        Placement(BlockKind.FRAME_FOOT, ""),
    )


def subject(stories: Sequence[FrozenStory], subjects: Sequence[str] = (), arm: int = 0) -> str:
    """Return the subject: the editors' of an arm of the test, when they wrote some, else the top story's headline."""
    written = one_line(subjects[min(arm, len(subjects) - 1)]) if subjects else ""
    return shorten(written or stories[0].title, SUBJECT_MAXIMUM)


def preheader(stories: Sequence[FrozenStory]) -> str:
    """Return what a list of mails shows after the subject: stories two and three, else the top story's summary.

    What is told once more is no news, and not named.
    """
    stories = [story for story in stories if not story.is_missed] or stories
    if len(stories) == 1:
        return shorten(stories[0].summary, PREHEADER_MAXIMUM)
    return shorten(" · ".join(story.title for story in stories[1:3]), PREHEADER_MAXIMUM)


def paragraphs(note: str) -> list[list[str]]:
    """Return an editor's note as paragraphs of lines; an empty line stands between paragraphs."""
    found: list[list[str]] = [[]]
    for line in map(one_line, note.splitlines()):
        if line:
            found[-1].append(line)
        elif found[-1]:
            found.append([])
    return [lines for lines in found if lines]


def shorten(text: str, maximum: int) -> str:
    """Cut a text between words, with an ellipsis, when it is longer than ``maximum`` characters."""
    flat = one_line(text)
    if len(flat) <= maximum:
        return flat
    cut = flat[: maximum - 1]
    kept = cut.rpartition(" ")[0] if flat[maximum - 1] != " " else cut
    # A text without blanks (Chinese, a long address) is cut where it is too long.
    kept = kept if len(kept) > maximum // 2 else cut
    return kept.rstrip(" ,;:.·–—-") + "…"


def one_line(text: str) -> str:
    """Return a text that can stand in a header: no line ends, control characters or halves of characters."""
    if text.isprintable():
        return " ".join(text.split())
    visible = "".join(" " if unicodedata.category(char) in _UNPRINTABLE else char for char in text)
    return " ".join(visible.split())


def _story(number: int, style: StoryStyle) -> Placement:
    return Placement(BlockKind.STORY, str(number), style)
