"""The schema goes up and down on both databases, and is what the tables say."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from newsletter.store import Database, migrate
from newsletter.store.tables import Base


def test_the_schema_goes_down_to_nothing_and_up_again(database: Database) -> None:
    migrate.downgrade(database)
    left = set(inspect(database.engine).get_table_names()) - {"alembic_version"}
    migrate.upgrade(database)

    assert left == set()
    assert set(inspect(database.engine).get_table_names()) - {"alembic_version"} == set(Base.metadata.tables)
    assert migrate.is_current(database)


def test_the_migrations_make_what_the_tables_say(database: Database) -> None:
    with database.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Base.metadata)

    assert differences == []


def test_the_migrations_have_one_head(database: Database) -> None:
    with database.engine.connect() as connection:
        script = ScriptDirectory.from_config(migrate._config(connection))

    assert len(script.get_heads()) == 1


def test_upgrading_twice_changes_nothing(database: Database) -> None:
    migrate.upgrade(database)

    assert migrate.is_current(database)
