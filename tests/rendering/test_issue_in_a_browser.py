"""Look at a digest on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

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
