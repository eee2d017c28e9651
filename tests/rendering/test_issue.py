"""Issues rendered once for all readers."""

from __future__ import annotations

import html
import itertools
import re
from html.parser import HTMLParser

import pytest

from newsletter.domain import layout, rendered
from newsletter.domain.rendered import BlockKind, FrozenIssue, ReaderField, RenderedBlock
from newsletter.rendering import colours
from newsletter.rendering import issue as rendering
from newsletter.rendering.environment import Environment
from newsletter.rendering.theme import theme
from tests import issues

VOID = frozenset("area base br col hr img input link meta".split())


class Outline(HTMLParser):
    """Collect elements, and check that they are closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.top: list[dict[str, str | None]] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.elements.append((tag, found))
        if self.open and self.open[-1] == "body":
            self.top.append(found)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag]


def page_of(
    blocks: list[RenderedBlock], issue: FrozenIssue, *, middle: BlockKind = BlockKind.PERSONAL
) -> str:
    kept = {layout.Placement(block.kind, block.key, block.style): block.html for block in blocks}
    return "".join(
        kept[placement]
        for placement in layout.digest([story.number for story in issue.stories], middle=middle)
    )


@pytest.fixture(scope="module")
def issue() -> FrozenIssue:
    return issues.issue(12)


@pytest.fixture(scope="module")
def blocks(issue: FrozenIssue) -> list[RenderedBlock]:
    return rendering.render(Environment(), issue)


@pytest.fixture(scope="module")
def page(blocks: list[RenderedBlock], issue: FrozenIssue) -> str:
    return page_of(blocks, issue)


def test_every_story_is_rendered_in_every_style_once(blocks: list[RenderedBlock], issue: FrozenIssue) -> None:
    found = [(block.key, block.style) for block in blocks if block.kind is BlockKind.STORY]

    assert sorted(found) == sorted(
        (str(story.number), style) for story in issue.stories for style in ("lead", "card", "brief")
    )
    assert [block.ordinal for block in blocks] == list(range(len(blocks)))


def test_a_digest_is_a_whole_document_in_its_language(page: str) -> None:
    outline = Outline(page)

    assert page.startswith("<!DOCTYPE html>")
    assert outline.all("html")[0]["lang"] == "en"
    assert outline.elements[2] == ("meta", {"charset": "utf-8"})
    assert len(outline.top) == 2
    assert all((attrs["lang"], attrs["dir"]) == ("en", "ltr") for attrs in outline.top)
    assert len(outline.all("title")) == 1


def test_a_digest_has_one_first_heading_and_skips_no_level(page: str) -> None:
    levels = [int(tag[1]) for tag, _ in Outline(page).elements if re.fullmatch(r"h\d", tag)]

    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_tables_are_for_layout_and_images_have_a_size_and_words(page: str) -> None:
    outline = Outline(page)

    assert all(attrs["role"] == "presentation" for attrs in outline.all("table"))
    images = outline.all("img")
    assert images
    assert all(attrs["alt"] and attrs["width"] and attrs["height"] for attrs in images)
    assert all("display:block" in (attrs["style"] or "") for attrs in images)


def test_ghost_tables_are_balanced_and_the_styles_fit_gmail(page: str) -> None:
    styles = re.findall(r"<style>(.*?)</style>", page, flags=re.DOTALL)

    assert page.count("<!--[if mso]>") == page.count("<![endif]-->") == 3
    assert sum(len(style.encode()) for style in styles) < 8_192
    assert "prefers-color-scheme: dark" in page
    assert "[data-ogsc]" in page
    assert "!important" in page
    assert "{{" not in page
    assert not re.search(r"(?:flex|grid|var\(|calc\(|rem;|position:)", page)


def test_all_texts_have_their_style_in_the_element(page: str) -> None:
    for tag, attrs in Outline(page).elements:
        if tag in {"p", "h1", "h2", "h3"}:
            style = attrs.get("style") or ""
            assert all(name in style for name in ("font-family", "font-size", "line-height", "color")), tag
        sizes = re.findall(r"font-size:(\d+)px", attrs.get("style") or "")
        assert all(int(size) >= 14 for size in sizes)


def test_the_frame_without_the_personal_block_names_no_reader(
    blocks: list[RenderedBlock], issue: FrozenIssue
) -> None:
    on_the_web = page_of(blocks, issue, middle=BlockKind.WEB)

    fields = set(rendered.marks(issue.nonce).findall(on_the_web))
    assert fields == {"title", "preheader", "subscribeurl", "archiveurl"}
    Outline(on_the_web)


def test_hostile_articles_stay_text(issue: FrozenIssue) -> None:
    bad = issues.story(
        1,
        title='<script>alert("x")</script> & <b>"bold"</b>',
        summary="</td></tr></table><img src=x onerror=alert(1)> {{ 7*7 }}",
        author="<i>me</i>",
        image_alt='"><svg onload=alert(1)>',
        url='https://post.example.com/?a="><script>&b=1',
    )
    hostile = issues.issue(stories=[bad])

    page = page_of(rendering.render(Environment(), hostile), hostile)

    outline = Outline(page)
    assert not outline.all("script")
    assert not outline.all("svg")
    assert not outline.all("b")
    assert all(not name.startswith("on") for _, attrs in outline.elements for name in attrs)
    assert "{{ 7*7 }}" in page
    assert html.escape(bad.title, quote=False) in page


def test_a_newsletter_that_is_read_from_right_to_left_is_mirrored() -> None:
    mirrored = issues.issue(3, identity=issues.identity(language="ar", direction="rtl"))

    page = page_of(rendering.render(Environment(), mirrored), mirrored)

    assert 'dir="rtl"' in page
    assert "text-align:left" not in page
    assert "\u2068" + rendered.mark(mirrored.nonce, ReaderField.ADDRESS) + "\u2069" in page


def test_a_logo_stands_for_the_name_and_says_it() -> None:
    with_logo = issues.issue(1, identity=issues.identity(logo_url="https://post.example.com/logo.png"))

    page = page_of(rendering.render(Environment(), with_logo), with_logo)

    assert re.search(r'<h1[^>]*><a [^>]*><img class="logo"[^>]*alt="The Harbour Post"', page)


def test_the_text_part_comes_from_the_article_and_keeps_addresses_whole(
    blocks: list[RenderedBlock], issue: FrozenIssue
) -> None:
    story = issue.stories[0]
    lead = next(block for block in blocks if block.key == str(story.number) and block.style == "lead")

    lines = lead.text.splitlines()
    assert story.url in lines
    assert all(len(line) <= 72 for line in lines if "://" not in line)
    assert "&amp;" not in lead.text
    assert not re.search(r"<\w", lead.text)


def test_small_images_and_unknown_sizes_are_dealt_with() -> None:
    lead, brief = layout.StoryStyle.LEAD, layout.StoryStyle.BRIEF

    assert rendering.picture(issues.story(1, image_width=1, image_height=1), lead) is None
    assert rendering.picture(issues.story(1), brief) is None
    unknown = rendering.picture(issues.story(1, image_width=None, image_height=None, image_alt=""), lead)
    assert unknown is not None
    assert (unknown.height, unknown.alt) == (None, issues.story(1).title)


def test_text_stays_readable_in_colours_that_no_one_should_choose() -> None:
    made = theme(accent="#ffff00", background="#808080", direction="ltr")

    assert colours.contrast(made.link, made.paper) >= 4.5
    assert made.accent == "#ffff00"
