"""Messages of an issue that tests its subjects, counts its links, and tells of several articles at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any  # any field of an issue

import pytest

from newsletter.domain import clicks, selection, subject_test
from newsletter.domain.rendered import FrozenIssue, FrozenLink
from newsletter.domain.tokens import KeyRing, read_arm, read_click
from newsletter.rendering import issue as rendering
from newsletter.rendering.environment import Environment
from newsletter.sending.compose import Composer, Rings
from tests import issues
from tests.sending.composing import RINGS, SETTINGS, arguments, assert_prepared, parsed, parts

SUBJECTS = ("The ferry stays", "<b>Why & how</b> the ferry stays", "Fähre bleibt " + "lang " * 30)
READERS = range(1, 60)


def arranged(**over: Any) -> FrozenIssue:
    stories = [issues.story(number) for number in range(12, 0, -1)]
    below = tuple(
        FrozenLink(number=number, title=f"More {number}", url=f"https://post.example.com/{number}")
        for number in (13, 14)
    )
    stories[3] = replace(stories[3], more=below)
    again = issues.story(15, title="Missed one", is_missed=True)
    values: dict[str, Any] = {"has_clicks": True, "highest": 15} | over
    return issues.issue(stories=[again, *stories], **values)


def press(issue: FrozenIssue, rings: Rings = RINGS) -> Composer:
    return Composer(issue, rendering.render(Environment(), issue), settings=SETTINGS, rings=rings)


@pytest.fixture(scope="module")
def tested() -> FrozenIssue:
    return arranged(subjects=SUBJECTS, sample_percent=50)


@pytest.fixture(scope="module")
def composer(tested: FrozenIssue) -> Composer:
    return press(tested)


def message(composer: Composer, issue: FrozenIssue, reader: int = 77, **key_ids: int) -> bytes:
    given = arguments(issue)
    planned = given["planned"]._replace(subscriber_id=reader)
    return composer.message(**given | {"planned": planned, "key_ids": given["key_ids"] | key_ids})[1]


def ends(octets: bytes) -> list[tuple[str, str]]:
    text, page = parts(octets)
    return re.findall(r"https://news\.example\.com/r/([\w-]+)/([\w-]+)", text + page)


def order(composer: Composer, issue: FrozenIssue, numbers: Sequence[int]) -> list[str]:
    given = arguments(issue)
    picks = selection.encode_picks(numbers, highest=issue.highest)
    text, _ = parts(composer.message(**given | {"planned": given["planned"]._replace(picks=picks)})[1])
    by_number = {story.title: story.number for story in issue.stories}
    flat = " ".join(text.split())
    return sorted(
        (title for title in by_number if f" {title} https" in flat or f": {title} " in flat), key=flat.index
    )


def test_each_reader_of_the_sample_gets_an_own_subject_and_the_others_the_winner(
    composer: Composer, tested: FrozenIssue
) -> None:
    seen = set()
    for reader in READERS:
        arm = subject_test.arm(7, reader, sample_percent=50, count=3, winner=2)
        found = message(composer, tested, reader, winner=2)
        assert_prepared(found)
        assert parsed(found)["Subject"] == (SUBJECTS[arm] if arm < 2 else parsed(found)["Subject"])
        assert parsed(found)["Subject"].startswith(SUBJECTS[arm][:60])
        assert len(parsed(found)["Subject"]) <= 90
        assert {read_arm(end, 7, RINGS.links, key_number=1) for _, end in ends(found)} == {arm}
        seen.add(arm)
    assert seen == {0, 1, 2}


def test_without_a_winner_those_outside_the_sample_get_the_editors_first(
    composer: Composer, tested: FrozenIssue
) -> None:
    rest = next(r for r in READERS if subject_test.sample_arm(7, r, sample_percent=50, count=3) is None)

    assert parsed(message(composer, tested, rest))["Subject"] == SUBJECTS[0]


def test_the_same_bytes_come_again_whatever_was_sent_between_and_whichever_key_is_the_newest(
    composer: Composer, tested: FrozenIssue
) -> None:
    readers = list(READERS)[:12]
    first = [message(composer, tested, reader, winner=1) for reader in readers]
    rotated = Rings(KeyRing({1: RINGS.links.keys[1], 2: b"n" * 32}), RINGS.return_path)
    other = press(replace(tested), rotated)
    newer = [message(other, tested, reader, winner=1, links=2) for reader in readers]
    again = [message(other, tested, reader, winner=1, links=1) for reader in reversed(readers)]

    assert again[::-1] == first
    assert [message(composer, tested, reader, winner=1) for reader in readers] == first
    assert not set(newer) & set(first)
    assert {end for octets in newer for _, end in ends(octets)}.isdisjoint(
        end for octets in first for _, end in ends(octets)
    )


def test_links_name_issue_and_article_and_no_reader_and_both_parts_have_the_same() -> None:
    issue = arranged()
    made = press(issue)

    text, page = parts(message(made, issue))

    found = [set(re.findall(r"/r/([\w-]+)/", part)) for part in (text, page)]
    assert found[0] == found[1]
    read = [read_click(token, RINGS.links) for token in found[0]]
    assert {token.issue_id for token in read} == {7}
    assert {token.number for token in read} == set(range(1, 16))
    assert {end for _, end in ends(message(made, issue))} == {clicks.FROM_MAIL}
    assert "post.example.com/2026" not in text + page
    assert set(ends(message(made, issue, 5))) == set(ends(message(made, issue, 6)))


def test_an_article_below_a_story_stands_for_it_and_what_was_missed_stands_last() -> None:
    issue = arranged()
    made = press(issue)
    title = {story.number: story.title for story in issue.stories}

    assert order(made, issue, [15, 2, 13, 12]) == [title[12], title[9], title[2], title[15]]
    assert order(made, issue, [13, 14, 9]) == [title[9]]
    assert order(made, issue, [15]) == [title[15]]
    assert parsed(message(made, issue))["Subject"] == title[12]


def test_an_issue_that_does_not_count_clicks_or_is_not_kept_links_to_the_articles() -> None:
    for issue in (arranged(has_clicks=False), arranged(issue_id=0, subjects=SUBJECTS, sample_percent=50)):
        text, page = parts(message(press(issue), issue))

        assert "/r/" not in text
        assert "https://post.example.com/2026/11/12?a=1&b=2\n" in text
        assert "https://post.example.com/2026/11/12?a=1&amp;b=2" in page


def test_a_single_subject_is_everybodys_and_nothing_is_tested() -> None:
    issue = arranged(subjects=("Only\r\nBcc: x@y.example\x00one",), sample_percent=50)
    made = press(issue)

    found = {parsed(message(made, issue, reader))["Subject"] for reader in READERS}

    assert found == {"Only Bcc: x@y.example one"}
    assert parsed(message(made, issue))["Bcc"] is None


def test_a_proof_shows_the_subject_that_was_asked_for_and_its_links_are_not_counted(
    composer: Composer, tested: FrozenIssue
) -> None:
    for arm, subject in enumerate(SUBJECTS[:2]):
        given = arguments(tested, is_proof=True, proof_arm=arm)

        _, found = composer.message(**given)

        assert parsed(found)["Subject"] == f"[Test] {subject}"
        assert {end for _, end in ends(found)} == {clicks.NOT_COUNTED}
