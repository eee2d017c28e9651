"""Hold the only SQL of the service; re-export what the floor above needs to name."""

from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from sqlalchemy.orm import Session

from newsletter.store.session import Database, DatabaseUnavailable, Transactions, now_of

__all__ = [
    "DataError",
    "Database",
    "DatabaseUnavailable",
    "IntegrityError",
    "OperationalError",
    "Session",
    "Transactions",
    "now_of",
]
