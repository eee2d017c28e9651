"""Check what a session sees."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from newsletter.store import Database, newsletters
from tests.builders import add_newsletter


def test_who_reads_sees_one_instant_while_others_write(database: Database) -> None:
    with database.reading() as session:
        before = newsletters.listing(session)
        with database.transaction() as writer:
            add_newsletter(writer)
        meanwhile = newsletters.listing(session)
    with database.reading() as session:
        after = newsletters.listing(session)

    assert (len(before), len(meanwhile), len(after)) == (0, 0, 1)


def test_a_writer_after_a_reader_sees_what_others_commit(database: Database) -> None:
    """The snapshots of readers must not stay with a connection of the pool."""
    with database.reading() as session:
        newsletters.listing(session)

    with database.transaction() as session:
        before = newsletters.listing(session)
        if not database.is_sqlite:  # where there is one writer at a time
            with database.transaction() as other:
                add_newsletter(other)
            assert len(newsletters.listing(session)) == len(before) + 1


def test_a_server_that_vanished_is_given_up_soon_unless_the_url_says_otherwise(postgres_url: str) -> None:
    joint = "&" if "?" in postgres_url else "?"
    told = {}
    for url in (postgres_url, f"{postgres_url}{joint}tcp_user_timeout=90000"):
        database = Database(url)
        with database.engine.connect() as connection:
            info = connection.connection.dbapi_connection.info  # type: ignore[union-attr]
            told[url] = info.get_parameters()
        database.dispose()

    ours, theirs = told.values()
    assert (ours["tcp_user_timeout"], ours["connect_timeout"]) == ("30000", "10")
    assert (theirs["tcp_user_timeout"], theirs["connect_timeout"]) == ("90000", "10")


def test_an_idle_connection_that_the_server_closed_is_made_anew(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("newsletter.store.session._IDLE_SECONDS", 0)
    idle, other = Database(postgres_url), Database(postgres_url)
    process = _process(idle)
    with other.transaction() as session:
        session.execute(text(f"SELECT pg_terminate_backend({process}, 5000)"))

    assert _process(idle) != process
    idle.dispose()
    other.dispose()


def _process(database: Database) -> int:
    with database.transaction() as session:
        found: int = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
    return found
