"""Provide a website to read feeds from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from newsletter.feeds.fetch import Fetcher
from tests.feeds.http_server import Website, website


@pytest.fixture
def site() -> Iterator[Website]:
    """Run a website on a free port."""
    with website() as running:
        yield running


@pytest.fixture
def fetcher(site: Website) -> Fetcher:
    """Return a fetcher that may read from that website."""
    return Fetcher(frozenset({site.pair}), "newsletter-tests", seconds=5.0)
