"""Check the commands about sources."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.conftest import Cli
from tests.feeds.http_server import Website, website
from tests.ingest.test_sources import feed


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Website]:
    with website() as running:
        monkeypatch.setenv("NEWSLETTER_FETCH_ALLOW", "{}:{}".format(*running.pair))
        yield running


def test_a_source_is_mapped_changed_and_shown(cli: Cli, daily: str, site: Website) -> None:
    cli("topics", "add", daily, "sport", "Sport")
    url = site.put("/feed", feed("One", "Two"))

    added = cli("sources", "add", daily, url, "--topic", "sport", "--importance", "2", "--json")
    mapped = cli("sources", "map", "1", "--url", "/two", "--topic", "sport", "--importance", "-1", "--json")
    removed = cli("sources", "map", "1", "--remove", "1", "--json")
    edited = cli("sources", "edit", "1", "--minutes", "60", "--importance", "0")
    shown = cli("sources", "show", "1", "--json").json

    assert [said.code for said in (added, mapped, removed, edited)] == [0] * 4
    second = {"number": 2, "by": "url", "pattern": "/two", "topics": ["sport"], "importance": -1}
    first = {"number": 1, "by": "feed", "pattern": "*", "topics": ["sport"], "importance": 0}
    assert mapped.json == [first, second]
    assert removed.json == [second | {"number": 1}]
    assert (shown["health"], shown["interval_seconds"], shown["importance"], shown["skipped"]) == (
        "well",
        3600,
        0,
        {},
    )


def test_rules_that_cannot_be_meant_are_refused(cli: Cli, daily: str, site: Website) -> None:
    cli("sources", "add", daily, site.put("/feed", feed("One")))

    for options, words in [
        (("--topic", "chess"), "no topic chess"),
        (("--url", "/a", "--author", "b", "--topic", "x"), "looks at one thing"),
        (("--url", "/a"), "neither a topic nor importance"),
        (("--remove", "3"), "no rule 3"),
        (("--importance", "12"), "importance from -9 to 9"),
    ]:
        said = cli("sources", "map", "1", *options)
        assert (said.code, words in said.err) == (1, True), said.err
    assert cli("sources", "map", "7").code == 1
    assert cli("sources", "map", "1", "--json").json == []
