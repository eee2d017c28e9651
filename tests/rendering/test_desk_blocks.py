"""What the desk adds to a mail: a note, links below stories, marks, what was missed; and the fallback."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any  # any field of an issue

import pytest

from newsletter.domain import layout, rendered
from newsletter.domain.issues import IssueKind
from newsletter.domain.layout import Placement, StoryStyle
from newsletter.domain.rendered import BlockKind, FrozenIssue, FrozenLink, RenderedBlock
from newsletter.rendering import issue as rendering
from newsletter.rendering.environment import Environment
from tests import issues
from tests.rendering.test_issue import Outline

HOSTILE = '</td></tr></table><script>alert(1)</script> {{ 7*7 }} & "x" zq0a1b2c3d4e5fnameqz'
BELOW = (
    FrozenLink(number=90, title="Tunnel stuck", url="https://post.example.com/90?a=1&b=2"),
    FrozenLink(number=91, title=HOSTILE.partition(" zq")[0], url="https://post.example.com/91"),
)


def arranged(**over: Any) -> FrozenIssue:
    stories = [issues.story(number) for number in range(12, 0, -1)]
    stories[0] = replace(stories[0], more=BELOW)
    stories[1] = replace(stories[1], is_update=True)
    again = [issues.story(number, is_missed=True) for number in (21, 20)]
    # What was missed stands last in the mail, wherever it stands here.
    return issues.issue(stories=[again[0], *stories, again[1]], note="Good morning,\nall.\n\n \nAda", **over)


def mail(issue: FrozenIssue, environment: Environment | None = None) -> tuple[str, str]:
    blocks = rendering.render(environment or Environment(), issue)
    kept = {Placement(block.kind, block.key, block.style): block for block in blocks}
    numbers = [story.number for story in issue.in_mail_order]
    placed = layout.of_issue(issue, numbers, middle=BlockKind.PERSONAL)
    return tuple("".join(getattr(kept[each], part) for each in placed) for part in ("text", "html"))  # type: ignore[return-value]


def links(issue: FrozenIssue, part: str) -> set[str]:
    return set(re.findall(r"https?://[^\s\"<>]+", part))


@pytest.fixture(scope="module")
def both() -> tuple[str, str]:
    return mail(arranged())


def test_the_order_is_note_lead_cards_briefs_and_last_what_was_missed() -> None:
    issue = arranged()
    placed = layout.of_issue(issue, [story.number for story in issue.in_mail_order], middle=BlockKind.WEB)

    told = [(each.kind.value, each.key, each.style) for each in placed]

    assert told[:3] == [("frame_head", "", ""), ("note", "", ""), ("story", "12", "lead")]
    assert [key for _, key, style in told if style == "card"] == ["11", "10", "9", "8", "7"]
    assert told[8] == ("heading", "more", "")
    assert told[-5:] == [
        ("heading", "missed", ""),
        ("story", "21", "brief"),
        ("story", "20", "brief"),
        ("web", "", ""),
        ("frame_foot", "", ""),
    ]
    assert layout.arrange([], [5, 4]) == layout.arrange([5, 4])
    assert layout.arrange([], []) == []


def test_a_mail_with_all_of_it_is_sound_and_its_parts_have_the_same_links(both: tuple[str, str]) -> None:
    text, page = both
    outline = Outline(page)

    assert "Good morning,<br>all.</p>" in page
    assert text.index("Good morning,\nall.\n\nAda\n\n") < text.index("Sport: Council votes")
    assert "Update · Culture: School kitchen wins" in text
    assert re.search(r"<span class=\"mark\"[^>]*>Update</span> · Culture", page)
    assert text.count("More on this:\nTunnel stuck\nhttps://post.example.com/90?a=1&b=2\n") == 1
    assert page.count('href="https://post.example.com/90?a=1&amp;b=2"') == 1
    assert text.rindex("You may have missed\n---") > text.rindex("More stories\n---")
    levels = [int(tag[1]) for tag, _ in outline.elements if re.fullmatch(r"h\d", tag)]
    assert levels.count(1) == 1
    assert {
        url.replace("&amp;", "&")
        for url in links(arranged(), page)
        if "/img/" not in url and "w3.org" not in url
    } == (links(arranged(), text))


def test_what_editors_and_feeds_write_stays_text() -> None:
    bad = replace(issues.story(1, title=HOSTILE.partition(" zq")[0]), more=BELOW)

    text, page = mail(issues.issue(stories=[bad], note=HOSTILE.replace("0a1b2c3d4e5f", "ffffffffffff")))

    outline = Outline(page)
    assert not outline.all("script")
    assert page.count("&lt;script&gt;") == 3
    assert "{{ 7*7 }}" in page
    assert HOSTILE.split(maxsplit=1)[0] in text


@pytest.mark.parametrize("note", ["", " \n \n", "\x00\x1b"])
def test_an_empty_note_is_none(note: str) -> None:
    issue = issues.issue(1, note=note)

    assert layout.of_issue(issue, [1], middle=BlockKind.WEB)[1].kind is BlockKind.STORY
    assert not [block for block in rendering.render(Environment(), issue) if block.kind is BlockKind.NOTE]


def test_breaking_news_is_one_story_that_says_so() -> None:
    text, page = mail(issues.issue(1, kind=IssueKind.BREAKING))

    assert "Breaking · Culture: A choir" in text
    assert ">Breaking</span>" in page
    assert "More stories" not in page


def test_counted_links_are_marks_in_both_parts_and_direct_ones_are_not() -> None:
    counted, direct = (
        rendering.render(Environment(), arranged(has_clicks=is_counted)) for is_counted in (True, False)
    )
    marks = rendered.story_marks("0a1b2c3d4e5f")

    def numbers(blocks: list[RenderedBlock], part: str) -> list[set[str]]:
        return [set(marks.findall(getattr(block, part))) for block in blocks]

    assert numbers(counted, "html") == numbers(counted, "text")
    lead = next(block for block in counted if block.style == StoryStyle.LEAD and block.key == "12")
    assert set(marks.findall(lead.html)) == {"12", "90", "91"}
    assert not any(map(marks.search, (block.html + block.text for block in direct)))
    assert not any("post.example.com/2026" in block.html + block.text for block in counted)


def test_a_fallback_is_headlines_by_our_own_templates_whatever_the_publishers_hold(tmp_path: Path) -> None:
    for name in ("email", "email/headlines", "words"):
        (tmp_path / name).mkdir()
    for name in ("email/frame.html", "email/story.html", "email/headlines/story.html"):
        (tmp_path / name).write_text("{{ broken")
    (tmp_path / "words" / "en.json").write_text("{broken")
    issue = arranged(is_fallback=True, has_clicks=True)

    text, page = mail(issue, Environment(tmp_path))

    outline = Outline(page)
    assert len(outline.all("h2")) == 14
    assert not outline.all("img")
    assert "More stories" not in text + page
    assert text.count("You may have missed") == page.count("You may have missed") == 1
    assert set(rendered.story_marks(issue.nonce).findall(page)) == {
        str(each.number) for each in issue.stories
    }
    assert "The decision came" not in text + page


def test_a_fallback_in_a_language_of_the_publishers_speaks_english() -> None:
    _, page = mail(issues.issue(2, is_fallback=True, identity=issues.identity(language="pt")))

    assert '<html lang="en"' in page
    assert ">Unsubscribe<" in page


def test_the_missed_are_headed_only_when_there_are_some() -> None:
    for issue, keys in ((arranged(), ["more", "missed"]), (issues.issue(3), ["more"])):
        blocks = rendering.render(Environment(), issue)
        assert [block.key for block in blocks if block.kind is BlockKind.HEADING] == keys
