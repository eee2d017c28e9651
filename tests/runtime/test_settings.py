"""Check that settings that cannot work are refused by name, before anything is done with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsletter.domain.errors import InvalidInput
from newsletter.runtime import settings


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PUBLIC_URL", "news.example.com"),
        ("PUBLIC_URL", "https://news example.com"),
        ("PUBLIC_URL", 'https://news.example.com/"'),
        ("PUBLIC_URL", "https://news.example.com/?from=mail"),
        ("PUBLIC_URL", "https://user@news.example.com"),
        ("PUBLIC_URL", "https://日本.example"),
        ("PUBLIC_URL", "http://["),
        ("REDIS_URL", "127.0.0.1:6379"),
        ("REDIS_URL", "redis://127.0.0.1:port"),
        ("INBOUND_DOMAIN", "in example.com"),
        ("INBOUND_DOMAIN", "localhost"),
        ("TEMPLATES_DIR", "/no/such/folder"),
        ("TRUSTED_PROXIES", "127.0.0.1, proxy"),
        ("ALLOWED_ORIGINS", "https://www.example.com/"),
        ("ALLOWED_ORIGINS", "null"),
        ("FETCH_ALLOW", "127.0.0.1"),
        ("FETCH_ALLOW", "127.0.0.1:²"),
        ("RELAY_PORT", "0"),
        ("RELAY_PORT", "65536"),
        ("RELAY_TIMEOUT", "nan"),
        ("LEASE_SECONDS", "-1"),
        ("TICK_SECONDS", "0"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(f"NEWSLETTER_{variable}", value)

    with pytest.raises(InvalidInput, match=f"NEWSLETTER_{variable}: "):
        settings.load()


@pytest.mark.parametrize(
    ("variable", "value", "kept"),
    [
        ("public_url", "https://news.example.com/", "https://news.example.com"),
        ("public_url", "http://[::1]:8000", "http://[::1]:8000"),
        ("public_url", "https://example.com/news/", "https://example.com/news"),
        (
            "redis_url",
            "rediss://:secret@redis.example.com:6380/1",
            "rediss://:secret@redis.example.com:6380/1",
        ),
        ("redis_url", "unix:///run/redis.sock", "unix:///run/redis.sock"),
        ("inbound_domain", "In.Exämple.com", "in.xn--exmple-cua.com"),
        ("trusted_proxies", "10.0.0.0/8 ::1", ("10.0.0.0/8", "::1")),
        (
            "allowed_origins",
            "https://a.example,http://b.example:8080",
            ("https://a.example", "http://b.example:8080"),
        ),
    ],
)
def test_a_setting_that_works_is_kept(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, kept: object
) -> None:
    monkeypatch.setenv(f"NEWSLETTER_{variable.upper()}", value)

    assert getattr(settings.load(), variable) == kept


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_TEMPLATES_DIR", "")
    monkeypatch.setenv("NEWSLETTER_DATA_DIR", "")

    loaded = settings.load()

    assert (loaded.templates_dir, loaded.data_dir) == (None, Path("data"))
