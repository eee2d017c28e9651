"""Look at a digest on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from newsletter.domain import layout
from newsletter.domain.layout import Placement
from newsletter.domain.rendered import BlockKind, FrozenLink
from newsletter.rendering import issue as rendering
from newsletter.rendering.environment import Environment
from tests import issues
from tests.rendering.test_issue import page_of


@pytest.mark.parametrize("field", ["title", "summary", "author"])
def test_a_word_without_end_widens_no_mail(chromium: Browser, field: str) -> None:
    endless = [issues.story(number, **{field: "Donaudampfschiff" * 12}) for number in range(1, 13)]
    issue = issues.issue(stories=endless)
    mail = page_of(rendering.render(Environment(), issue), issue)
    page = chromium.new_page(viewport={"width": 375, "height": 800})

    page.set_content(mail)

    assert page.evaluate("document.documentElement.scrollWidth") == 375
    page.close()


@pytest.mark.parametrize("is_fallback", [False, True])
def test_what_the_desk_adds_widens_no_mail_either(chromium: Browser, is_fallback: bool) -> None:
    endless = "Donaudampfschiff" * 12
    below = (FrozenLink(number=90, title=endless, url="https://post.example.com/90"),)
    issue = issues.issue(
        stories=[
            *(issues.story(number, more=below, is_update=True, title=endless) for number in range(12, 0, -1)),
            issues.story(20, title=endless, is_missed=True),
        ],
        note=f"{endless}\n\n{endless}",
        is_fallback=is_fallback,
    )
    blocks = {
        Placement(each.kind, each.key, each.style): each.html
        for each in rendering.render(Environment(), issue)
    }
    placed = layout.of_issue(
        issue, [story.number for story in issue.in_mail_order], middle=BlockKind.PERSONAL
    )
    page = chromium.new_page(viewport={"width": 375, "height": 800})

    page.set_content("".join(blocks[each] for each in placed))

    assert page.evaluate("document.documentElement.scrollWidth") == 375
    page.close()
