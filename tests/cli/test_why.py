"""Test the command that explains a reader's mail."""

from __future__ import annotations

from newsletter.store import Database, alerts, newsletters
from tests import builders
from tests.cli.conftest import Cli
from tests.clocks import NOON


def test_a_reader_and_an_article_are_explained(cli: Cli, daily: str, sqlite_url: str) -> None:
    database = Database(sqlite_url)
    with database.transaction() as session:
        newsletter = newsletters.by_slug(session, daily)
        reader = builders.add_reader(session, newsletter, "ada@example.com")
        article = builders.add_article(session, newsletter, title="Eels are back", seen_at=NOON)
        reader_id, article_id = reader.id, article.id
    database.dispose()

    [answer] = cli("why", "--reader", "ada@example.com", "--json").json
    by_id = cli("why", "--reader", str(reader_id), "--newsletter", daily)
    of_article = cli("why", "--reader", "ada@example.com", "--article", str(article_id))
    unknown = cli("why", "--reader", "bea@example.com")

    assert (answer["code"], answer["facts"]["subscription"]) == ("no_issue", "active")
    assert "daily has had no issue yet." in by_id.out
    assert "it is for the next one" in of_article.out
    assert (unknown.code, "No reader has this address." in unknown.err) == (1, True)


def test_alerts_are_listed_and_resolved(cli: Cli, daily: str, sqlite_url: str) -> None:
    database = Database(sqlite_url)
    with database.transaction() as session:
        alerts.note(session, "issue_stuck", "daily 4", "No progress.", now=NOON, newsletter_id=1)
    database.dispose()

    [listed] = cli("alerts", "list", "--json").json
    cli("alerts", "resolve", str(listed["id"]))

    assert (listed["code"], listed["newsletter"]) == ("issue_stuck", daily)
    assert cli("alerts", "list", "--json").json == []
    assert len(cli("alerts", "list", "--all", "--search", "progress", "--json").json) == 1
    assert cli("alerts", "resolve", "99").code == 1
