"""Check which topics and what importance sources give their articles."""

from __future__ import annotations

from typing import Any

import pytest

from newsletter.domain import mapping
from newsletter.domain.errors import InvalidInput
from newsletter.domain.mapping import By, Facts, Mapped, Rule

TOPICS = {"culture": 0, "kultur": 0, "sport": 1, "world": 2}
FACTS = Facts(
    url="https://www.post.example.com/Sport/2026/derby?id=7",
    author="Grace  Holm",
    categories=("Kultur & Medien", "World"),
)


@pytest.mark.parametrize(
    ("by", "pattern", "fits"),
    [
        (By.FEED, "*", True),
        (By.CATEGORY, "kultur*", True),
        (By.CATEGORY, "kultur", False),
        (By.CATEGORY, "*MEDIEN", True),
        (By.CATEGORY, "k*&*n", True),
        (By.CATEGORY, "world*world", False),  # the pieces must not overlap
        (By.AUTHOR, "grace holm", True),
        (By.AUTHOR, "*,*", False),
        (By.URL, "/sport/*", True),
        (By.URL, "/world/*", False),
        (By.URL, "post.example.com/*", True),
        (By.URL, "https://www.post.example.com/sport/*", True),
        (By.URL, "*derby?id=*", True),  # a question mark is a question mark
        (By.URL, "*[a-z]+*", False),
    ],
)
def test_patterns_are_compared_in_any_case(by: By, pattern: str, fits: bool) -> None:
    assert mapping.fits(Rule(by=by, pattern=pattern), FACTS) is fits


def test_the_first_topic_is_the_main_one_and_importance_adds_up() -> None:
    rules = (
        Rule(by=By.AUTHOR, pattern="somebody else", topics=("culture",), importance=5),
        Rule(by=By.URL, pattern="/sport/*", topics=("sport", "unknown"), importance=2),
        Rule(by=By.FEED, topics=("culture",), importance=-1),
    )

    assert mapping.mapped(rules, FACTS, TOPICS) == Mapped(topics=0b111, section=1, importance=1)
    assert mapping.mapped((), FACTS, TOPICS) == Mapped(topics=0b100, section=2)
    assert mapping.mapped((), Facts(url="https://x.example/"), TOPICS) == Mapped()
    assert mapping.mapped([Rule(by=By.FEED, importance=9)] * 3, FACTS, TOPICS).importance == 9


def test_a_pattern_of_many_stars_takes_no_time() -> None:
    pattern = "*a" * 100

    assert not mapping.matches(pattern, "a" * 99 + "b" * 100_000)
    assert mapping.matches(pattern, "b" * 100_000 + "a" * 100)


def test_rules_are_read_as_they_were_written() -> None:
    rules = (Rule(by=By.CATEGORY, pattern="Kultur*", topics=("culture",), importance=-2),)

    assert mapping.from_plain(mapping.to_plain(rules)) == rules
    assert mapping.from_plain([{"topics": ["sport"]}]) == (Rule(by=By.FEED, topics=("sport",)),)


@pytest.mark.parametrize(
    "plain",
    [
        None,
        {"by": "feed"},
        [{"topics": ["sport"]}] * 51,
        ["sport"],
        [{"by": "title", "topics": ["sport"]}],
        [{"by": ["feed"], "topics": ["sport"]}],
        [{"pattern": "", "topics": ["sport"]}],
        [{"pattern": "x" * 201, "topics": ["sport"]}],
        [{"topics": "sport"}],
        [{"topics": ["Sport!"]}],
        [{"importance": 10}],
        [{"importance": True}],
        [{"importance": 1, "regex": "(a+)+"}],
        [{"by": "feed"}],
    ],
)
def test_what_is_no_rule_is_refused_with_its_place(plain: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        mapping.from_plain(plain)
    assert caught.value.reason == "bad_mapping"
