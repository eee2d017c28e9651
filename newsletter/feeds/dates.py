"""Read the dates of feeds: RFC 3339, and RFC 822 as people write it, in several languages."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)  # before the web: a date of 1970 means that there is none
_CHARS_MAX = 80

# Hours east of UTC. Names that several parts of the world use have the meaning of RFC 822 §5.1, else the one that news
# sites are met with: BST is British summer time, IST is India's.
_ZONES = {
    "ut": 0.0, "utc": 0, "gmt": 0, "z": 0, "wet": 0,
    "bst": 1, "cet": 1, "west": 1, "mez": 1,
    "cest": 2, "eet": 2, "mesz": 2, "sast": 2,
    "eest": 3, "msk": 3, "ist": 5.5, "sgt": 8, "hkt": 8, "awst": 8, "jst": 9, "kst": 9,
    "acst": 9.5, "aest": 10, "acdt": 10.5, "aedt": 11, "nzst": 12, "nzdt": 13,
    "brt": -3, "art": -3, "adt": -3, "ast": -4, "edt": -4, "est": -5, "cdt": -5, "cst": -6,
    "mdt": -6, "mst": -7, "pdt": -7, "akdt": -8, "pst": -8, "akst": -9, "hst": -10,
}  # fmt: skip
# Names of months without accents, by their beginnings: English, German, French, Spanish, Italian, Portuguese, Dutch,
# the Nordic languages, Polish and Czech.
_MONTHS = (
    "jan ene gen led sty janv januari gennaio",
    "feb fev fevr febr lut uno",
    "mar mrz maer mrt bre",
    "apr abr avr kwi dub",
    "may mai maj mag mei kve",
    "jun juin giu cze cvn czerw",
    "jul juil lug lip cvc lipca",
    "aug ago aou srp sie",
    "sep set zar wrz",
    "oct okt ott out paz rij",
    "nov lis listopadu",
    "dec dez dic des gru pro",
)
_BEGINNINGS = sorted(
    ((name, number) for number, names in enumerate(_MONTHS, 1) for name in names.split()),
    key=lambda pair: -len(pair[0]),
)
_WRITTEN = re.compile(
    r"(?:[^\W\d_]{2,12}\.?,?\s{1,3})?"  # a day of the week
    r"(?P<day>\d{1,2})(?:\.|st|nd|rd|th|er)?[\s-]{1,3}(?:de\s)?"
    r"(?P<month>[^\W\d_]{3,12})\.?,?[\s-]{1,3}(?:de\s)?(?P<year>\d{4}|\d{2})"
    r"(?:[,\s]{1,3}(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d{1,9})?)?)?"
    r"\s{0,3}(?P<zone>[+-]\d{2}:?\d{2}|[A-Za-z]{1,5})?",
)
_AMERICAN = re.compile(r"(?:[^\W\d_]{3,9},?\s)?(?P<month>[A-Za-z]{3,9})\.?\s(?P<day>\d{1,2}),?\s(?=\d{4})")
_NUMBERED = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})")


def instant(text: str) -> datetime | None:
    """Return an instant in UTC; one without a zone is UTC; None for no date and for one that cannot be meant."""
    cleaned = " ".join(text[:_CHARS_MAX].split())
    if not cleaned:
        return None
    try:
        found = _iso(cleaned) or _written(cleaned)
    except (ValueError, OverflowError):
        return None
    return found if found is not None and found >= EARLIEST else None


def _iso(text: str) -> datetime | None:
    numbers = _NUMBERED.match(text)
    if numbers is None:
        return None
    year, month, day = numbers.groups()
    rest = (
        text[numbers.end() :].replace(" +", "+").replace(" -", "-").removesuffix(" UTC").removesuffix(" GMT")
    )
    found = datetime.fromisoformat(f"{year}-{month:0>2}-{day:0>2}{rest}")
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _written(text: str) -> datetime | None:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    plain = _AMERICAN.sub(r"\g<day> \g<month> ", plain)
    match = _WRITTEN.fullmatch(plain)
    if match is None:
        return None
    month = _month(match["month"].lower())
    zone = _zone(match["zone"])
    if month is None or zone is None:
        return None
    year = int(match["year"])
    if len(match["year"]) == 2:
        year += 2000 if year < 70 else 1900  # as POSIX has it; RFC 2822 §4.3 ends the century at 50
    hour, minute, second = (int(match[name] or 0) for name in ("hour", "minute", "second"))
    second = min(second, 59)  # a leap second is its sixtieth
    return datetime(year, month, int(match["day"]), hour, minute, second, tzinfo=zone).astimezone(UTC)


def _month(name: str) -> int | None:
    return next((number for beginning, number in _BEGINNINGS if name.startswith(beginning)), None)


def _zone(text: str | None) -> timezone | None:
    """Return a zone; UTC when there is none, None when its name is unknown."""
    if not text:
        return UTC
    if text[0] in "+-":
        digits = text[1:].replace(":", "")
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        return timezone(-offset if text[0] == "-" else offset)
    hours = _ZONES.get(text.lower())
    return None if hours is None else timezone(timedelta(hours=hours))
