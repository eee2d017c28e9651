"""What a reader's digest looks like, as a list."""

from __future__ import annotations

import pytest

from newsletter.domain import layout
from newsletter.domain.rendered import BlockKind, FrozenIssue
from tests import issues


def styles(count: int) -> str:
    letters = {"lead": "L", "card": "c", "brief": "b", "": "#"}
    return "".join(letters[placement.style] for placement in layout.arrange(range(count, 0, -1)))


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, ""),
        (1, "L"),
        (2, "Lc"),
        (6, "Lccccc"),
        (7, "Lcccccc"),
        (8, "Lccccc#bb"),
        (20, "Lccccc#" + "b" * 14),
    ],
)
def test_a_lead_is_followed_by_cards_and_then_by_briefs_under_a_heading(count: int, expected: str) -> None:
    assert styles(count) == expected


def test_every_story_is_placed_once_and_in_order() -> None:
    numbers = [9, 3, 7, 1, 8, 2, 6, 4, 5]

    placed = [each.key for each in layout.arrange(numbers) if each.kind is BlockKind.STORY]

    assert placed == [str(number) for number in numbers]


def test_subject_and_preheader_come_from_the_first_three_stories() -> None:
    stories = [issues.story(1, title="One"), issues.story(2, title="Two"), issues.story(3, title="Three")]

    assert layout.subject(stories) == "One"
    assert layout.preheader(stories) == "Two · Three"
    assert layout.preheader(stories[:1]) == layout.shorten(stories[0].summary, layout.PREHEADER_MAXIMUM)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("short", "short"),
        ("  two\n lines ", "two lines"),
        ("one two three four", "one two…"),
        ("one two, three", "one two…"),
        ("abcdefghijklmnop", "abcdefghi…"),
        ("新しい船が港に入りました", "新しい船が港に入り…"),
        ("a\x00b", "a b"),
    ],
)
def test_long_texts_are_cut_between_words(text: str, expected: str) -> None:
    assert layout.shorten(text, 10) == expected


def test_a_frozen_issue_survives_json() -> None:
    issue = issues.issue(3)

    assert FrozenIssue.from_dict(issue.as_dict()) == issue
