"""Take the README's screenshots from a running demo: start ``./run demo``, then run this file."""

from __future__ import annotations

import email
import email.policy
import re
import sys
from pathlib import Path

import httpx2
from playwright.sync_api import Browser, sync_playwright

INBOX = "http://127.0.0.1:8025"
WEB = "http://127.0.0.1:8000"
FOLDER = Path(__file__).parent
DESKTOP = {"width": 1100, "height": 900}
PHONE = {"width": 390, "height": 844}
WANTED = {
    "digest": "desktop-light desktop-dark phone-light phone-dark",
    "confirm": "phone-light desktop-dark",
    "preferences": "phone-light desktop-dark",
    "unsubscribe": "phone-dark",
    "inbox": "desktop-light phone-dark",
    "signup": "desktop-light",
    "archive": "desktop-dark",
}


def main(chromium: str = "/usr/bin/chromium") -> None:
    """Find the mails in the inbox and picture what people look at, light and dark, on a desktop and a phone."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        _sign_up(browser)
        for name, url in _pages().items():
            _picture(browser, name, url)
        browser.close()


def _sign_up(browser: Browser) -> None:
    """Ask for the newsletter, so that there is something left to confirm."""
    page = browser.new_page()
    page.goto(f"{WEB}/subscribe/daily")
    page.get_by_label("Email address").fill("you@example.com")
    page.wait_for_timeout(3000)  # a form that is sent at once is taken for a machine's
    page.get_by_role("button", name="Subscribe").click()
    page.wait_for_timeout(3000)
    page.close()


def _pages() -> dict[str, str]:
    digest, confirmation = _newest("List-Unsubscribe-Post"), _newest("auto-generated")
    return {
        "digest": f"{INBOX}/m/{digest}/html?scheme={{scheme}}",
        "confirm": _link(confirmation, "c"),
        "preferences": _link(digest, "p"),
        "unsubscribe": _link(digest, "u"),
        "inbox": f"{INBOX}/m/{digest}",
        "signup": f"{WEB}/subscribe/daily",
        "archive": f"{WEB}/archive/daily",
    }


def _newest(mark: str) -> int:
    numbers = [int(n) for n in re.findall(r'href="/m/(\d+)"', httpx2.get(INBOX).text)]
    return next(n for n in numbers if mark in httpx2.get(f"{INBOX}/m/{n}.eml").text)


def _link(number: int, purpose: str) -> str:
    raw = httpx2.get(f"{INBOX}/m/{number}.eml").content
    part = email.message_from_bytes(raw, policy=email.policy.default).get_body(("plain",))
    assert part is not None
    found = re.search(rf"{WEB}/{purpose}/[\w-]+", part.get_content())
    assert found is not None
    return found[0]


def _picture(browser: Browser, name: str, url: str) -> None:
    for shot in WANTED[name].split():
        size_name, scheme = shot.split("-")
        context = browser.new_context(
            viewport=DESKTOP if size_name == "desktop" else PHONE,  # type: ignore[arg-type]  # two numbers
            color_scheme=scheme,  # type: ignore[arg-type]
            device_scale_factor=1 if size_name == "desktop" else 2,
        )
        page = context.new_page()
        page.goto(url.replace("{scheme}", scheme))
        page.wait_for_load_state("networkidle")
        page.screenshot(path=FOLDER / f"{name}-{shot}.jpg", type="jpeg", quality=82)
        context.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
