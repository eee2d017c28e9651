"""Find a Chromium for the tests that look at pages: CHROMIUM_PATH, the machine's, or playwright's own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Error, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")


class NoBrowser(Exception):
    """Say why there is no browser."""


@contextmanager
def running() -> Iterator[Browser]:
    """Run a browser; raise NoBrowser with the reason when none can be started."""
    path = os.environ.get("CHROMIUM_PATH") or next(filter(None, map(shutil.which, _NAMES)), None)
    with sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        except Error as error:
            raise NoBrowser(
                "no Chromium: set CHROMIUM_PATH, or apt install chromium "
                f"({str(error).strip().splitlines()[0]})"
            ) from error
        yield started
        started.close()
