"""Check that settings that cannot work are refused by name, before anything is done with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsletter.domain.errors import InvalidInput
from newsletter.domain.relays import RelayKind
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
        ("RECEIVE_LMTP", "2424"),
        ("RECEIVE_SMTP", "::1:25"),
        ("RECEIVE_SMTP", "0.0.0.0:65536"),
        ("IMAP_DONE_FOLDER", "INBOX"),
        ("IMAP_TLS", "opportunistic"),
        ("COLLECT_SECONDS", "0"),
        ("TRUSTED_PROXIES", "127.0.0.1, proxy"),
        ("ALLOWED_ORIGINS", "https://www.example.com/"),
        ("ALLOWED_ORIGINS", "null"),
        ("FETCH_ALLOW", "127.0.0.1"),
        ("FETCH_ALLOW", "127.0.0.1:²"),
        ("RELAYS", "relay.example"),
        ("RELAYS", "smtp://relay.example smtp://relay.example:25"),
        ("PROVIDERS", "mailgun"),
        ("PROVIDERS", "[" * 100_000),
        ("PROVIDERS", '["mailgun"]'),
        ("PROVIDERS", '{"smtp": "key"}'),
        ("PROVIDERS", '{"nobody": "key"}'),
        ("PROVIDERS", '{"mailgun": ""}'),
        ("PROVIDERS", '{"mailgun": []}'),
        ("PROVIDERS", '{"mailgun": ["key", 1]}'),
        ("RELAY_PORT", "0"),
        ("RELAY_PORT", "65536"),
        ("RELAY_TIMEOUT", "nan"),
        ("SENDER_PROCESSES", "0"),
        ("SENDER_PROCESSES", "two"),
        ("LEASE_SECONDS", "-1"),
        ("QUIET_HOURS", "22-25"),
        ("QUIET_HOURS", "night"),
        ("DAILY_CAP", "-1"),
        ("TICK_SECONDS", "0"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(f"NEWSLETTER_{variable}", value)

    with pytest.raises(InvalidInput, match=f" NEWSLETTER_{variable}: "):
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


def test_several_relays_take_the_place_of_the_single_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_RELAY_HOST", "single.example")
    assert [relay.name for relay in settings.load().relay_addresses] == ["single.example:25"]

    monkeypatch.setenv(
        "NEWSLETTER_RELAYS", "smtp://user:secret@one.example:587?tls=starttls smtp://two.example"
    )
    loaded = settings.load()

    assert [relay.name for relay in loaded.relay_addresses] == ["one.example:587", "two.example:25"]
    assert "secret" not in repr(loaded)


def test_a_child_process_gets_the_same_relays(monkeypatch: pytest.MonkeyPatch) -> None:
    told = settings.load(relays="smtp://one.example smtp://two.example?weight=2")
    for name, value in settings.for_children(told).items():
        monkeypatch.setenv(name, value)

    assert settings.load().relays == told.relays


def test_the_password_of_a_relay_is_not_in_the_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_RELAYS", "smtp://user:secret@one.example?tls=maybe")

    with pytest.raises(InvalidInput) as error:
        settings.load()

    assert "secret" not in str(error.value)


@pytest.mark.parametrize("variable", ["NEWSLETTER_SENDER_PROCESSES", "SENDER_PROCESSES"])
def test_the_number_of_senders_is_the_procfiles(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "3")

    assert settings.load().sender_processes == 3


def test_providers_secrets_are_handed_on_whole_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_PROVIDERS", '{"mailgun": "key-1", "ses": ["arn-1", "arn-2"]}')
    loaded = settings.load()
    monkeypatch.setenv("NEWSLETTER_PROVIDERS", settings.for_children(loaded)["NEWSLETTER_PROVIDERS"])

    assert settings.load() == loaded
    assert [text.get_secret_value() for text in loaded.providers[RelayKind.SES]] == ["arn-1", "arn-2"]
    assert "key-1" not in repr(loaded)
