"""Test the commands about articles."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter.store import Database, newsletters
from tests import builders
from tests.cli.conftest import Cli
from tests.clocks import NOON


@pytest.fixture
def articles(cli: Cli, daily: str, sqlite_url: str) -> None:
    """Keep three articles; two are alike."""
    database = Database(sqlite_url)
    with database.transaction() as session:
        newsletter = newsletters.by_slug(session, daily)
        builders.add_topic(session, newsletter, "harbour", number=9)
        for title, lead in (
            (
                "Two dead after fire on ferry Nordstern",
                "A fire broke out on the ferry Nordstern off Porttown.",
            ),
            (
                "Fire on ferry Nordstern: two people dead",
                "Off Porttown, a fire broke out on the ferry Nordstern.",
            ),
            ("Choir wins prize", "The choir of the fishermen has won a prize in Bergen."),
        ):
            builders.add_article(
                session,
                newsletter,
                title=title,
                summary=lead,
                seen_at=NOON - timedelta(hours=1),
                topics=1 << 9,
            )
    database.dispose()


def stories(cli: Cli, article: str) -> list[str]:
    (place,) = cli("articles", "why", article, "--json").json["newsletters"]
    found: list[str] = place["story"]
    return found


@pytest.mark.usefixtures("articles")
def test_articles_are_listed_found_and_shown(cli: Cli, daily: str) -> None:
    listed = cli("articles", "list", "--newsletter", daily, "--json").json
    found = cli("articles", "search", "NORDSTERN", "people", "--json").json
    shown = cli("articles", "show", "1", "--json").json

    assert [each["id"] for each in listed] == [3, 2, 1]
    assert [each["id"] for each in found] == [2]
    assert (shown["title"], shown["source"]) == (
        "Two dead after fire on ferry Nordstern",
        "pushed by the website",
    )
    assert shown["newsletters"] == [daily]
    assert "articles list" in cli("articles", "show", "9").err


@pytest.mark.usefixtures("articles")
def test_why_tells_place_story_and_what_became_of_it(cli: Cli, daily: str) -> None:
    issue = str(cli("issues", "plan", daily, "--json").json["id"])
    built = cli("issues", "build", issue)

    why = cli("articles", "why", "1", "--json").json

    assert built.code == 0, built.err
    (place,), (became,) = why["newsletters"], why["issues"]
    assert (place["topics"], place["weight"], place["untold"]) == (["harbour"], 0, None)
    assert place["story"][0].startswith("article 2, 'Fire on ferry Nordstern: two people dead': ")
    assert "% of their words (" in place["story"][0]
    assert (became["verdict"], became["sentence"]) == ("same_story", "told by article 2 of the same story")
    assert became["links"][0].startswith("with article 2: ")
    (lead,) = cli("articles", "why", "2", "--json").json["issues"]
    assert lead["sentence"] == "stands at place 2 of the candidates"
    assert lead["ranked_by"].endswith("article number 2")


@pytest.mark.usefixtures("articles")
def test_an_editor_splits_and_merges_and_it_is_written_down(cli: Cli) -> None:
    before = stories(cli, "1")
    assert cli("articles", "split", "2", "1", "--by", "Ada").code == 0
    apart = stories(cli, "1")
    assert cli("articles", "merge", "1", "3", "--by", "Ada").code == 0
    merged = stories(cli, "1")

    assert (len(before), apart) == (1, [])
    assert merged == ["article 3, 'Choir wins prize': Ada put them together"]
    told = cli("audit", "list", "--json").json
    assert [(each["by"], each["action"]) for each in told] == [("Ada", "merge"), ("Ada", "split")]
    assert cli("articles", "merge", "1", "1").code == 1


@pytest.mark.usefixtures("articles")
def test_an_article_is_withdrawn_and_put_back(cli: Cli) -> None:
    first = cli("articles", "retract", "1")
    again = cli("articles", "retract", "1")
    retracted = cli("articles", "show", "1", "--json").json["retracted_at"]
    back = cli("articles", "restore", "1")

    assert (first.code, again.code, back.code) == (0, 1, 0)
    assert "restore 1" in again.err
    assert retracted is not None
    assert cli("articles", "show", "1", "--json").json["retracted_at"] is None
    assert cli("articles", "restore", "1").code == 1


@pytest.mark.usefixtures("articles")
def test_an_article_is_weighed_and_marked_as_worth_telling(cli: Cli, daily: str) -> None:
    heavy = cli("articles", "weight", "1", "-3", "--newsletter", daily)
    too_heavy = cli("articles", "weight", "1", "10", "--newsletter", daily)
    marked = cli("articles", "worth-telling", "1")

    assert (heavy.code, too_heavy.code, marked.code) == (0, 1, 0), heavy.err
    assert cli("articles", "why", "1", "--json").json["newsletters"][0]["weight"] == -3
    assert cli("articles", "show", "1", "--json").json["worth_telling"] is True
    assert cli("articles", "worth-telling", "1", "--off").code == 0
    assert cli("articles", "show", "1", "--json").json["worth_telling"] is False
