"""Move the schema up and down."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from newsletter.store.session import Database

_LOCK = 4_096_512  # any number that only migrations use


def upgrade(database: Database, revision: str = "head") -> None:
    """Move the schema up; two that start at once wait for each other."""
    with database.engine.begin() as connection:
        _wait_for_turn(connection)
        command.upgrade(_config(connection), revision)


def downgrade(database: Database, revision: str = "base") -> None:
    """Move the schema down; data of the tables dropped is lost."""
    with database.engine.begin() as connection:
        _wait_for_turn(connection)
        command.downgrade(_config(connection), revision)


def is_current(database: Database) -> bool:
    """Say whether the schema is the one that this version needs."""
    with database.engine.begin() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        return found == head()


def head() -> str:
    """Return the revision that this version needs."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def _wait_for_turn(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"select pg_advisory_xact_lock({_LOCK})")
