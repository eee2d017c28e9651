"""Test that a backup brings everything back, on and between both databases."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from io import BytesIO

import pytest
from sqlalchemy import create_engine, func, select

from newsletter.domain import warmup
from newsletter.domain.errors import Conflict, InvalidInput
from newsletter.domain.subscriptions import SubscriptionStatus
from newsletter.store import Database, backups, keys, migrate, warmups
from newsletter.store.tables import Base, Issue, KeyPurpose, Subscriber
from tests import builders
from tests.clocks import NOON
from tests.services.postgres import Postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Open a second database, empty but for keys of its own."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('target') / 'target.db'}"
    else:
        url = request.getfixturevalue("second_postgres_url")
    opened = Database(url)
    migrate.upgrade(opened)
    with opened.transaction() as session:
        keys.create_missing(session, now=NOON)
    yield opened
    opened.dispose()


@pytest.fixture
def second_postgres_url(postgres: Postgres) -> Iterator[str]:
    server = create_engine(postgres.url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE second")
        yield server.url.set(database="second").render_as_string(hide_password=False)
        connection.exec_driver_sql("DROP DATABASE second WITH (FORCE)")
    server.dispose()


def ignore(_count: int) -> None:
    """Show no progress."""


def fill(database: Database) -> None:
    with database.transaction() as session:
        newsletter = builders.add_newsletter(session)
        for number in range(1_203):
            builders.add_reader(session, newsletter, f"reader{number}@example.com", topics=number % 8)
        warmups.start(session, "post.example.com", warmup.begin(NOON.date()))
        builders.add_article(session, newsletter, title="Tide – barrier", seen_at=NOON, topics=3)
        session.add(
            Issue(
                newsletter_id=newsletter.id,
                number=1,
                since=NOON,
                cut_off_at=NOON,
                planned_at=NOON,
                frozen=None,
            )
        )


def written(database: Database) -> bytes:
    file = BytesIO()
    backups.write(database, file, now=NOON, progress=ignore)
    return file.getvalue()


def contents(database: Database) -> dict[str, list[tuple[object, ...]]]:
    with database.snapshot() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(select(table))), key=repr)
            for table in Base.metadata.sorted_tables
        }


def test_a_backup_brings_back_every_row_and_key(database: Database, target: Database) -> None:
    fill(database)

    report = backups.read(target, BytesIO(written(database)), progress=ignore)

    assert contents(target) == contents(database)
    assert report.tables["subscribers"] == 1_203
    assert report.tables["signing_keys"] == 4


def test_new_rows_are_numbered_after_those_that_came_back(database: Database, target: Database) -> None:
    fill(database)
    backups.read(target, BytesIO(written(database)), progress=ignore)

    with target.transaction() as session:
        newsletter = builders.add_newsletter(session, slug="second")
        late = builders.add_reader(session, newsletter, "late@example.com", status=SubscriptionStatus.ACTIVE)

    assert late.id == 1_204


def test_an_empty_json_column_comes_back_as_null(database: Database, target: Database) -> None:
    fill(database)
    backups.read(target, BytesIO(written(database)), progress=ignore)

    with target.reading() as session:
        unbuilt = session.scalar(select(func.count()).select_from(Issue).where(Issue.frozen.is_(None)))

    assert unbuilt == 1


def test_a_database_in_use_is_not_overwritten(database: Database) -> None:
    fill(database)
    file = written(database)

    with pytest.raises(Conflict) as caught:
        backups.read(database, BytesIO(file), progress=ignore)

    assert caught.value.reason == "not_empty"


def without_foot(file: bytes) -> bytes:
    lines = gzip.decompress(file).splitlines(keepends=True)
    return gzip.compress(b"".join(lines[:-1]))


def without_a_row(file: bytes) -> bytes:
    lines = gzip.decompress(file).splitlines(keepends=True)
    return gzip.compress(b"".join([*lines[:1], *lines[2:]]))


@pytest.mark.parametrize(
    "tear",
    [
        without_foot,
        without_a_row,
        lambda file: file[: len(file) // 2],
        lambda _: b"no backup at all",
        lambda _: gzip.compress(b"{}\n"),
        lambda file: file[:200] + bytes(100) + file[300:],
    ],
)
def test_a_torn_file_changes_nothing(database: Database, tear: Callable[[bytes], bytes]) -> None:
    before = contents(database)
    file = BytesIO(tear(written(database)))

    with pytest.raises(InvalidInput) as caught:
        backups.read(database, file, progress=ignore)

    assert caught.value.reason == "torn_backup"
    assert contents(database) == before


@pytest.mark.parametrize(
    "row",
    [
        [],
        [1, 2],
        ["newsletters"],
        ["newsletters", ["daily"]],
        ["newsletters", {"no_column": 1}],
        ["counters", {"name": {"a": 1}, "value": 1}],
        ["counters", {"name": "a", "value": 10**30}],
        ["signing_keys", {"secret": "!!!a"}],
        ["signing_keys", {"purpose": "no purpose", "number": 9, "secret": ""}],
        ["newsletters", {"created_at": "yesterday"}],
        ["newsletters", {"created_at": "2026-11-24"}],
    ],
)
def test_a_file_with_a_row_of_another_make_changes_nothing(database: Database, row: list[object]) -> None:
    before = contents(database)
    head, *rest = gzip.decompress(written(database)).splitlines(keepends=True)
    strange = json.dumps(row).encode() + b"\n"

    with pytest.raises(InvalidInput) as caught:
        backups.read(database, BytesIO(gzip.compress(b"".join([head, strange, *rest]))), progress=ignore)

    assert caught.value.reason == "torn_backup"
    assert contents(database) == before


def test_a_backup_of_another_revision_names_both(database: Database) -> None:
    head, *rest = gzip.decompress(written(database)).splitlines(keepends=True)
    older = json.dumps(json.loads(head) | {"revision": "0000"}).encode() + b"\n"

    with pytest.raises(Conflict, match="revision 0000"):
        backups.read(database, BytesIO(gzip.compress(older + b"".join(rest))), progress=ignore)


def test_the_keys_of_the_backup_replace_those_of_the_new_database(
    database: Database, target: Database
) -> None:
    file = written(database)

    backups.read(target, BytesIO(file), progress=ignore)

    with database.reading() as session, target.reading() as restored:
        assert keys.ring(restored, KeyPurpose.LINKS) == keys.ring(session, KeyPurpose.LINKS)
        assert restored.scalar(select(func.count()).select_from(Subscriber)) == 0
