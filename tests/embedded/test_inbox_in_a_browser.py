"""Test the inbox page in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.embedded.conftest import Inbox

HTML = """<html><head><style>p { color: rgb(0, 0, 1) }
@media (prefers-color-scheme: dark) { p { color: rgb(254, 254, 254) } }</style></head>
<body><p>Hello</p>
<script>document.body.innerHTML = "run"</script></body></html>"""


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """Open a tab that fails the test when the page complains."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert not complaints


def test_a_message_shows_up_by_itself(inbox: Inbox, page: Page) -> None:
    page.goto(inbox.url)

    inbox.submit(subject="Tide barrier opens")

    expect(page.get_by_role("link", name="Tide barrier opens")).to_be_visible(timeout=10_000)
    expect(page.locator("#count")).to_have_text("1 message")


def test_a_message_is_shown_and_its_script_is_not_run(inbox: Inbox, page: Page) -> None:
    inbox.submit(subject="Tide barrier opens", html=HTML)
    page.goto(inbox.url)

    page.get_by_role("link", name="Tide barrier opens").click()

    message = page.frame_locator("iframe")
    expect(message.locator("p")).to_contain_text("Hello")
    expect(message.locator("p")).to_have_css("color", "rgb(0, 0, 1)")


def test_the_dark_look_and_the_phone_can_be_chosen(inbox: Inbox, page: Page) -> None:
    inbox.submit(html=HTML)
    page.goto(f"{inbox.url}/m/1")

    page.get_by_role("link", name="Dark").click()
    page.get_by_role("link", name="Phone").click()

    expect(page.frame_locator("iframe").locator("p")).to_have_css("color", "rgb(254, 254, 254)")
    assert page.locator("iframe").evaluate("frame => frame.clientWidth") == 390


@pytest.mark.parametrize("path", ["/", "/m/1", "/m/1?view=headers", "/m/1?view=source"])
def test_nothing_is_wider_than_a_phone(inbox: Inbox, page: Page, path: str) -> None:
    inbox.submit(subject="A headline with a-word-that-is-as-long-as-it-can-get-" + "x" * 80, html=HTML)
    page.set_viewport_size({"width": 320, "height": 640})

    page.goto(inbox.url + path)

    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert page.get_by_role("link").first.is_visible()
