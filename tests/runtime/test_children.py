"""Test that a child process gets exactly the settings of its parent."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from newsletter.runtime import settings


def test_a_child_reads_what_its_parent_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    given = settings.load(
        data_dir=Path("/tmp/somewhere"),
        public_url="http://127.0.0.1:8010",
        fetch_allow=frozenset({("127.0.0.1", 9000), ("127.0.0.1", 9001)}),
        trusted_proxies=("10.0.0.0/8", "192.168.0.0/16"),
        relay_password=SecretStr("a, b"),
        tick_seconds=0.5,
    )

    for name, value in settings.for_children(given).items():
        monkeypatch.setenv(name, value)

    assert settings.load() == given


def test_a_child_is_not_led_astray_by_the_parents_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/production")
    monkeypatch.setenv("NEWSLETTER_RELAY_HOST", "mail.example.com")
    given = settings.load(data_dir=Path("/tmp/demo"), database_url="", redis_url="", relay_host="127.0.0.1")

    environment = settings.for_children(given)

    assert given.database == "sqlite:////tmp/demo/newsletter.db"
    assert "DATABASE_URL" not in environment
    assert environment["NEWSLETTER_RELAY_HOST"] == "127.0.0.1"
    assert environment.get("NEWSLETTER_DATABASE_URL", "") == ""
