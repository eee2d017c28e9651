"""Provide a press: a database, a clock, an SMTP server and settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsletter.runtime.settings import Settings
from newsletter.store import Database
from tests.clocks import FixedClock
from tests.sending.press import Press
from tests.services.sink import Sink


@pytest.fixture
def press(database: Database, clock: FixedClock, sink: Sink, tmp_path: Path) -> Press:
    """Set up a press with an inbound domain."""
    settings = Settings(
        public_url="https://news.post.example.com",
        inbound_domain="b.post.example.com",
        data_dir=tmp_path / "data",
    )
    return Press(database, clock, sink, settings)
