"""Serve the real application on a real database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from newsletter import wiring
from newsletter.runtime.settings import Settings
from newsletter.web.app import create_app
from newsletter.wiring import App
from tests.clocks import FixedClock
from tests.services.ports import free_port

WEBSITE = "https://post.example.com"


@pytest.fixture
def app(database_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[App]:
    """Put the service together at noon; no broker answers."""
    settings = Settings(
        data_dir=tmp_path / "data",
        database_url=database_url,
        redis_url=f"redis://127.0.0.1:{free_port()}/0",
        public_url="https://news.example.com",
        allowed_origins=(WEBSITE,),
        trusted_proxies=("10.0.0.0/8",),
    )
    built = wiring.build(settings, clock=clock)
    yield built
    built.database.dispose()


@pytest.fixture
def web(app: App) -> Iterator[TestClient]:
    """Talk to it as a browser without cookies does."""
    with TestClient(
        create_app(app),
        base_url="https://news.example.com",
        follow_redirects=False,
        raise_server_exceptions=False,
        client=("192.0.2.7", 50000),
    ) as client:
        yield client
