"""What becomes of each article when an issue is frozen."""

from __future__ import annotations

from datetime import timedelta
from typing import Any  # a builder takes any field

import pytest

from newsletter.digest import candidates
from newsletter.digest.candidates import Answer, Question
from newsletter.domain.issues import Verdict
from newsletter.domain.rendered import FrozenStory
from newsletter.domain.rules import Rules, SelectionRules, StoryRules
from newsletter.domain.stories import Ruling
from newsletter.store.stories import Found
from newsletter.store.tables import DeskItem
from tests.clocks import NOON

HOUR = timedelta(hours=1)
SUBJECTS = (
    "ferry",
    "choir",
    "tunnel",
    "museum",
    "herring",
    "lighthouse",
    "market",
    "school",
    "rowers",
    "ropes",
)


def article(number: int, *, hours: float = 1, **over: Any) -> Found:
    """Return an article of a subject of its own, seen some hours before noon; its id is 100 more than its number."""
    at = NOON - hours * HOUR
    values: dict[str, Any] = dict.fromkeys(Found._fields) | {
        "id": number + 100,
        "number": number,
        "title": f"{SUBJECTS[number % 10]}{number}",
        "summary": "",
        "url": f"https://post.example.com/{number}",
        "canonical_url": f"https://post.example.com/{number}",
        "author": "",
        "image_url": "",
        "image_alt": "",
        "published_at": at,
        "first_seen_at": at,
        "seen_at": at,
        "is_worth_telling": False,
        "importance": 0,
        "is_placed": True,
        "topics": 0,
        "weight": 0,
        "backlog": "",
    }
    return Found(**(values | over))


def chosen(*rows: Found, **over: Any) -> Answer:
    """Choose for noon: fresh is what is younger than a day, and a week is reached back."""
    values: dict[str, Any] = {
        "rows": rows,
        "rules": Rules(),
        "since": NOON - 24 * HOUR,
        "reach": NOON - 168 * HOUR,
        "cut_off_at": NOON,
    }
    return candidates.choose(Question(**(values | over)))


def decided(number: int, **values: Any) -> dict[int, DeskItem]:
    nothing: dict[str, Any] = {"pin": None, "is_banned": False, "is_missed": False, "title": None}
    return {number + 100: DeskItem(issue_id=1, article_id=number + 100, **(nothing | values))}


def same(*numbers: int) -> list[Ruling]:
    first, *others = numbers
    return [Ruling(first_id=first + 100, second_id=o + 100, is_same=True, by="Ada") for o in others]


def told(answer: Answer) -> list[int]:
    return [story.number for story in answer.stories]


def story(answer: Answer, number: int) -> FrozenStory:
    return next(each for each in answer.stories if each.number == number)


def verdicts(answer: Answer) -> dict[int, Verdict]:
    return {each.article_id - 100: each.verdict for each in answer.judged}


def test_every_article_that_is_looked_at_gets_a_verdict() -> None:
    rows = [
        article(1),
        article(2, hours=100),
        article(3, hours=200),
        article(4, hours=-2),
        article(5, retracted_at=NOON),
        article(6, backlog="first_import"),
        article(7, backlog="old"),
        article(8),
        article(9),
        article(10, story_key="s"),
        article(11, story_key="s"),
        article(12, hours=150),
    ]

    answer = chosen(*rows, items=decided(8, is_banned=True) | decided(9, pin=1) | decided(12, is_missed=True))

    assert verdicts(answer) == {
        1: Verdict.CANDIDATE,
        2: Verdict.CANDIDATE,
        3: Verdict.OUT_OF_REACH,
        4: Verdict.NOT_YET,
        5: Verdict.RETRACTED,
        6: Verdict.BACKLOG,
        7: Verdict.OLD,
        8: Verdict.BANNED,
        9: Verdict.PINNED,
        10: Verdict.SAME_STORY,
        11: Verdict.CANDIDATE,
        12: Verdict.MISSED,
    }
    assert told(answer) == [9, 11, 1, 2, 12]
    assert [each.rank for each in answer.judged if each.rank is not None] == [2, 3, 0, 1, 4]
    assert answer.judged[9].lead_id == 111
    assert answer.judged[9].detail["links"] == [[111, "the website gives both the story id s"]]
    assert sorted(answer.named_ids) == [101, 102, 109, 110, 111, 112]


def test_a_story_is_told_by_its_best_new_article_and_knows_all_others() -> None:
    rows = [
        article(1, hours=200),
        article(2, hours=30, importance=9),
        article(3, hours=3),
        article(4, hours=2, importance=1),
        article(5, hours=1, retracted_at=NOON),
        article(6, hours=1),
    ]

    answer = chosen(*rows, rulings=same(1, 2, 3, 4, 5, 6), items=decided(6, is_banned=True))

    (found,) = answer.stories
    assert (found.number, found.members) == (4, (6, 5, 3, 2, 1))
    assert [link.number for link in found.more] == [3, 2, 1]
    assert found.is_fresh
    assert verdicts(answer)[2] is Verdict.SAME_STORY
    fewer = chosen(*rows, rulings=same(1, 2, 3, 4), rules=Rules(stories=StoryRules(more_maximum=1)))
    assert [link.number for link in story(fewer, 4).more] == [3]


def test_what_was_missed_stands_in_the_order_of_the_desk() -> None:
    rows = [article(1), *(article(number, hours=100, importance=number) for number in (2, 3, 4))]
    places = {2: 2, 3: None, 4: 1}
    items = {n + 100: decided(n, is_missed=True, missed_place=p)[n + 100] for n, p in places.items()}

    assert told(chosen(*rows, items=items)) == [1, 4, 2, 3]


def test_what_another_newsletter_told_counts_as_had_and_is_not_named() -> None:
    elsewhere = article(2, is_placed=False)

    answer = chosen(article(1), others=[elsewhere], rulings=same(1, 2))

    (found,) = answer.stories
    assert (found.members, found.more) == ((2,), ())
    assert verdicts(answer) == {1: Verdict.CANDIDATE}


@pytest.mark.parametrize("backlog", ["old", "first_import"])
def test_what_is_only_an_archive_here_counts_as_had_when_some_issue_told_it(backlog: str) -> None:
    told = article(2, backlog=backlog, is_frozen=True)
    untold = article(3, backlog=backlog)

    answer = chosen(article(1), told, untold, rulings=same(1, 2, 3))

    (found,) = answer.stories
    assert (found.members, found.more) == ((2,), ())


def test_an_update_worth_telling_tells_the_story_also_to_those_who_know_it() -> None:
    update = article(3, is_worth_telling=True)

    answer = chosen(article(1, hours=30), article(2, hours=2), update, rulings=same(1, 2, 3))

    (found,) = answer.stories
    assert (found.number, found.is_update, found.members, found.more) == (3, True, (), ())
    assert verdicts(answer) == {1: Verdict.SAME_STORY, 2: Verdict.SAME_STORY, 3: Verdict.CANDIDATE}


def test_two_pins_of_one_story_are_both_told() -> None:
    answer = chosen(
        article(1), article(2), article(3), rulings=same(1, 2, 3), items=decided(1, pin=1) | decided(2, pin=2)
    )

    assert told(answer) == [1, 2]
    assert (story(answer, 1).members, story(answer, 2).members) == ((3, 2), ())
    assert [link.number for link in story(answer, 1).more] == [3]


def test_a_pin_is_told_however_old_and_stands_in_its_place() -> None:
    rows = [article(1, hours=999), *(article(number) for number in range(2, 6))]

    answer = chosen(*rows, items=decided(1, pin=3, title="As new"))

    assert told(answer) == [5, 4, 1, 3, 2]
    assert (story(answer, 1).title, story(answer, 1).is_fresh) == ("As new", True)


@pytest.mark.parametrize("over", [{"retracted_at": NOON}, {"backlog": ""}])
def test_an_editor_cannot_pin_what_is_retracted_or_banned(over: dict[str, Any]) -> None:
    items = decided(1, pin=1, is_banned="retracted_at" not in over)

    assert told(chosen(article(1, **over), items=items)) == []


def test_what_was_missed_is_told_last_once_and_without_its_story() -> None:
    rows = [article(1, hours=60), article(2, hours=70), article(3), article(4, hours=80)]
    items = decided(1, is_missed=True) | decided(4, is_missed=True)

    answer = chosen(*rows, rulings=same(1, 2), items=items)

    assert told(answer) == [3, 1, 4]
    missed = story(answer, 1)
    assert (missed.is_missed, missed.is_fresh, missed.members, missed.more) == (True, False, (), ())
    assert verdicts(answer)[2] is Verdict.SAME_STORY
    one = chosen(*rows, items=items, rules=Rules(selection=SelectionRules(missed_maximum=1)))
    assert told(one) == [3, 2, 1]
    assert verdicts(one)[4] is Verdict.BEYOND_CANDIDATES


def test_a_new_article_of_its_story_stands_for_what_was_missed() -> None:
    answer = chosen(article(1, hours=60), article(2), rulings=same(1, 2), items=decided(1, is_missed=True))

    assert told(answer) == [2]
    assert verdicts(answer)[1] is Verdict.SAME_STORY


def test_breaking_news_tells_what_is_pinned_and_nothing_else() -> None:
    answer = chosen(article(1), article(2), items=decided(1, pin=1), is_breaking=True)

    (found,) = answer.stories
    assert (found.number, found.members, found.is_fresh, found.is_update) == (1, (), True, True)


def test_of_too_many_stories_the_last_are_beyond_the_candidates() -> None:
    rows = [article(number) for number in range(1, candidates.CANDIDATE_MAXIMUM + 4)]

    answer = chosen(*rows, items=decided(7, is_missed=True))

    assert len(answer.stories) == candidates.CANDIDATE_MAXIMUM
    assert told(answer)[-1] == 7
    assert [n for n, verdict in verdicts(answer).items() if verdict is Verdict.BEYOND_CANDIDATES] == [1, 2, 3]


def test_an_article_that_was_being_stored_at_the_last_cut_off_is_new() -> None:
    late, known = (article(number, hours=24.1) for number in (1, 2))

    answer = chosen(late, known, known=frozenset({102}))

    assert {each.number: each.is_fresh for each in answer.stories} == {1: True, 2: False}


def test_sections_and_clicks_count_as_the_rules_say() -> None:
    rows = [article(1, topics=0b110), article(2, topics=0b1), article(3, topics=0b10, section=1), article(4)]

    answer = chosen(*rows, section_weights={1: 2}, clicks={102: 40, 104: 7})

    assert told(answer) == [3, 1, 2, 4]
    assert [each.section for each in answer.stories] == [1, 1, 0, None]
    assert answer.judged[1].detail == {"number": 2, "clicks": 40}


def test_an_image_that_does_not_load_is_left_out() -> None:
    (found,) = chosen(article(1, image_url="https://x.example/a.jpg", image_fault="not_found")).stories

    assert found.image_url == ""
