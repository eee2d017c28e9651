"""Read the rows of a CSV file of readers, whatever program wrote it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain

from newsletter.domain import addresses, names, schedules
from newsletter.domain.addresses import EmailAddress
from newsletter.domain.errors import InvalidInput
from newsletter.domain.subscriptions import Cadence, parse_hour

# Our column names, and what other programs call them; compared in lower case, with blanks for - and _.
_ALIASES = {
    "address": ("address", "email", "e mail", "mail", "email address", "e mail address", "subscriber email"),
    "name": ("name", "full name", "display name"),
    "first_name": ("first name", "firstname", "given name", "vorname"),
    "last_name": ("last name", "lastname", "surname", "family name", "nachname"),
    "topics": ("topics", "topic", "interests", "groups"),
    "language": ("language", "lang", "locale"),
    "cadence": ("cadence", "frequency"),
    "zone": ("zone", "timezone", "time zone", "tz"),
    "hour": ("hour", "send hour"),
    "snoozed_until": ("snoozed until", "paused until"),
    "status": ("status", "state", "subscription status"),
    "confirmed_at": ("confirmed at", "confirm time", "optin time", "opt in time", "subscribed at"),
    "consent": ("consent", "consent text", "form text"),
    "source": ("source", "signup source", "form", "page url"),
}
_COLUMNS = {alias: column for column, aliases in _ALIASES.items() for alias in aliases}
_ACTIVE_WORDS = frozenset({"", "active", "subscribed", "confirmed", "enabled", "1", "true", "yes"})
_DELIMITERS = ",;\t|"
FORMULA_MARKS = "=+-@\t\r"  # a spreadsheet runs cells that begin so


@dataclass(frozen=True)
class Row:
    """One reader of the file; topics by slug, none meaning all."""

    line: int
    address: EmailAddress
    name: str
    topics: tuple[str, ...]
    language: str | None
    cadence: Cadence
    zone: str | None
    hour: int | None
    snoozed_until: datetime | None
    confirmed_at: datetime | None
    consent: str
    source: str


@dataclass(frozen=True)
class Rejection:
    """A row that was not imported: its line in the file, a stable code, and the reason for a person."""

    line: int
    reason: str
    text: str


def read(stream: Iterable[str], *, now: datetime) -> Iterator[Row | Rejection]:
    """Yield the rows one at a time, good and bad; raise InvalidInput when the first line names no address column.

    ``line`` is where the row ends, as editors count.
    """
    lines = iter(stream)
    header_line = next(lines, "").lstrip("\ufeff")
    delimiter = max(_DELIMITERS, key=header_line.count)
    header = [_column(cell) for cell in next(csv.reader([header_line], delimiter=delimiter), [])]
    if "address" not in header:
        raise InvalidInput(
            "The first line names no column for the address.",
            hint='Begin the file with column names, such as "address,name,topics".',
            reason="no_address_column",
        )
    reader = csv.reader(chain([header_line], lines), delimiter=delimiter)
    next(reader)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Rejection(reader.line_num, "broken_row", f"The row cannot be read: {error}.")
            continue
        if any(cell.strip() for cell in cells):
            yield _row(
                dict(zip(header, cells, strict=False)), len(cells) - len(header), reader.line_num, now=now
            )


def _column(cell: str) -> str:
    plain = " ".join(cell.strip().lower().replace("-", " ").replace("_", " ").split())
    return _COLUMNS.get(plain, "")


def _row(cells: Mapping[str, str], surplus: int, line: int, *, now: datetime) -> Row | Rejection:
    try:
        if surplus > 0:
            raise InvalidInput(
                "The row has more cells than the first line has columns.",
                hint="Put quotes around cells that hold the delimiter.",
                reason="too_many_cells",
            )
        _check_status(cells.get("status", ""))
        return Row(
            line=line,
            address=addresses.parse(_plain(cells.get("address", ""))),
            name=names.parse(_name(cells)),
            topics=_topics(cells.get("topics", "")),
            language=_language(cells.get("language", "")),
            cadence=_cadence(cells.get("cadence", "")),
            zone=_zone(cells.get("zone", "")),
            hour=parse_hour(cells.get("hour", "")),
            snoozed_until=_instant(cells.get("snoozed_until", "")),
            confirmed_at=_past(_instant(cells.get("confirmed_at", "")), now=now),
            consent=cells.get("consent", "").strip()[:2000],
            source=cells.get("source", "").strip()[:500],
        )
    except InvalidInput as error:
        return Rejection(line, error.reason, str(error))


def _plain(cell: str) -> str:
    """Return a cell without the apostrophe that our export puts before what a spreadsheet would run."""
    text = cell.strip()
    return text[1:] if text[:1] == "'" and text[1:2] and text[1] in FORMULA_MARKS else text


def _name(cells: Mapping[str, str]) -> str:
    whole = _plain(cells.get("name", ""))
    return whole or f"{cells.get('first_name', '')} {cells.get('last_name', '')}"


def _check_status(cell: str) -> None:
    if cell.strip().lower() not in _ACTIVE_WORDS:
        raise InvalidInput(
            "The row says that this reader is not active.",
            hint="Only readers who want the newsletter are imported.",
            reason="not_active",
        )


def _topics(cell: str) -> tuple[str, ...]:
    parts = cell.replace(";", ",").replace("|", ",").split(",")
    return tuple(dict.fromkeys(part.strip().lower() for part in parts if part.strip()))


def _language(cell: str) -> str | None:
    tag = cell.strip().replace("_", "-")
    if not tag:
        return None
    if len(tag) > 10 or not tag.replace("-", "").isalnum() or not tag.isascii():
        raise InvalidInput(
            "The language is no language tag.", hint="Use one such as en.", reason="bad_language"
        )
    return tag


def _cadence(cell: str) -> Cadence:
    word = cell.strip().lower()
    try:
        return Cadence(word) if word else Cadence.EVERY_ISSUE
    except ValueError as error:
        raise InvalidInput(
            "The cadence is unknown.",
            hint=f"Use one of: {', '.join(Cadence)}.",
            reason="unknown_cadence",
        ) from error


def _zone(cell: str) -> str | None:
    name = cell.strip()
    return schedules.zone(name).key if name else None


def _instant(cell: str) -> datetime | None:
    text = cell.strip()
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(text)
        return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(
            "A time cannot be read.",
            hint="Write it as 2026-05-31 or 2026-05-31T08:00:00Z.",
            reason="bad_time",
        ) from error


def _past(instant: datetime | None, *, now: datetime) -> datetime | None:
    if instant is not None and instant > now:
        raise InvalidInput(
            "The time of the consent is in the future.", hint="Correct it.", reason="time_in_future"
        )
    return instant
