"""Open the service for one command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from newsletter import wiring
from newsletter.domain.errors import Conflict, InvalidInput
from newsletter.runtime import logs, settings
from newsletter.store import DatabaseUnavailable, DataError, OperationalError, migrate
from newsletter.wiring import App


@contextmanager
def opened(*, schema_needed: bool = True) -> Iterator[App]:
    """Put the service together from the environment; a database that cannot be used is refused with what to do."""
    app = wiring.build(settings.load())
    logs.configure(app.settings.log_level if app.settings.log_level != "INFO" else "WARNING")
    try:
        app.database.ping()
        if schema_needed and not migrate.is_current(app.database):
            raise Conflict(
                "The database has not the tables of this version.",
                hint="Make them with: newsletter init",
                reason="old_schema",
            )
        yield app
    except OperationalError as error:
        raise DatabaseUnavailable(
            "The database stopped answering.",
            hint="Check that its server runs, then run the command again: nothing was half done.",
        ) from error
    except (DataError, OverflowError) as error:
        raise InvalidInput(
            "A number or a text is larger than anything here.", hint="Give a smaller one.", reason="too_large"
        ) from error
    finally:
        app.database.dispose()
