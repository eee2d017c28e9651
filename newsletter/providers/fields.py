"""Look into JSON that may hold anything, without ever failing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime

from newsletter.domain.tokens import Delivery
from newsletter.providers.base import Unreadable

_CHARS = 500  # kept of a text; a line of SMTP has at most 512 octets (RFC 5321 §4.5.3.1.5)
_ADDRESS_CHARS = 320  # RFC 3696 §3, before its erratum: more than any address has
_EVENTS_MAX = 50_000  # in one body of 5 MB; an event has at least a hundred octets
_NUMBER = re.compile(r"\d{1,20}(?:\.\d{0,20})?", re.ASCII)
_MILLISECONDS = 100_000_000_000  # seconds reach this in the year 5138, milliseconds did in 1973
_DELIVERY = re.compile(r"(\d{1,8})-(\d{1,13})", re.ASCII)
_CODE = re.compile(r"(?:smtp; ?)?([245]\d\d)(?![\w.])", re.ASCII)
_STATUS = re.compile(r"(?<![\w.])[245]\.\d{1,3}\.\d{1,3}(?![\w.])", re.ASCII)


class Fields:
    """Hold a JSON object; what is missing or of another type is empty."""

    def __init__(self, found: object) -> None:
        self._found: dict[str, object] = found if isinstance(found, dict) else {}

    def __bool__(self) -> bool:
        return bool(self._found)

    def inner(self, *path: str) -> Fields:
        """Return an object inside; empty when there is none."""
        found = self
        for name in path:
            found = Fields(found._found.get(name))
        return found

    def each(self, name: str) -> list[Fields]:
        """Return the objects of an array."""
        found = self._found.get(name)
        return [Fields(item) for item in found] if isinstance(found, list) else []

    def objects(self) -> list[Fields]:
        """Return all objects inside, whatever their names."""
        return [Fields(item) for item in self._found.values() if isinstance(item, dict)]

    def has(self, name: str) -> bool:
        """Say whether there is an object of this name, empty or not."""
        return isinstance(self._found.get(name), dict)

    def texts(self, name: str) -> list[str]:
        """Return the texts of an array, or the one that stands alone."""
        found = self._found.get(name)
        items = found if isinstance(found, list) else [found]
        return [plain(item) for item in items if isinstance(item, str)]

    def text(self, *names: str, chars: int = _CHARS) -> str:
        """Return the first of these that holds a text or a whole number, on one line and without controls."""
        for name in names:
            found = self._found.get(name)
            if isinstance(found, str) and found:
                return plain(found, chars)
            if _is_whole(found):
                return str(found)
        return ""

    def exact(self, name: str) -> str | None:
        """Return a text as it stands, or None."""
        found = self._found.get(name)
        return found if isinstance(found, str) else None

    def address(self, *names: str) -> str:
        """Return an address as it stands."""
        return self.text(*names, chars=_ADDRESS_CHARS)

    def message_id(self, *names: str) -> str:
        """Return a Message-ID without its brackets."""
        return self.text(*names).strip("<> ")

    def delivery(self, *names: str) -> Delivery | None:
        """Return the message of ours that a provider gives back by name."""
        return read_delivery(self.text(*names))

    def is_true(self, name: str) -> bool:
        """Say whether it is the JSON value true, or a provider's word for it."""
        return self._found.get(name) in (True, "true", "True", "1")

    def instant(self, *names: str) -> datetime | None:
        """Return the first of these that is an instant, as aware UTC."""
        return next((at for at in (read_instant(self._found.get(name)) for name in names) if at), None)


def entries(body: bytes) -> Iterator[tuple[int, Fields] | Unreadable]:
    """Yield the events of a body, numbered: the objects of an array, or the body itself."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        yield Unreadable(0, "The body is no JSON.")
        return
    items = found if isinstance(found, list) else [found]
    for position, item in enumerate(items[:_EVENTS_MAX]):
        if isinstance(item, dict):
            yield position, Fields(item)
        else:
            yield Unreadable(position, "The event is no JSON object.")
    if len(items) > _EVENTS_MAX:
        yield Unreadable(_EVENTS_MAX, "There are too many events in one body.")


def parse(body: bytes | str) -> Fields:
    """Return a JSON object; empty for anything else."""
    try:
        return Fields(json.loads(body))
    except (ValueError, RecursionError):
        return Fields(None)


def plain(text: str, chars: int = _CHARS) -> str:
    """Return a text on one line, without controls and half characters: any database and terminal takes it."""
    cut = text[:chars]
    if cut.isprintable():
        return cut
    return " ".join("".join(char if char.isprintable() else " " for char in cut).split())


def read_delivery(text: str) -> Delivery | None:
    """Read what mime/identity.py wrote: the mailing and the reader."""
    found = _DELIVERY.fullmatch(text.strip())
    if found is None:
        return None
    mailing_id, subscriber_id = int(found[1]), int(found[2])
    is_ours = mailing_id < 1 << 24 and subscriber_id < 1 << 40  # as in tokens
    return Delivery(mailing_id, subscriber_id) if is_ours else None


def read_instant(found: object) -> datetime | None:
    """Read Unix seconds or milliseconds, as a number or digits, or ISO 8601 (UTC where no offset stands)."""
    try:
        if isinstance(found, str) and not _NUMBER.fullmatch(found):
            at = datetime.fromisoformat(found[:40])
            return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
        if isinstance(found, bool) or not isinstance(found, str | int | float):
            return None
        seconds = float(found)
        return datetime.fromtimestamp(seconds / 1000 if seconds >= _MILLISECONDS else seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def reply_code(text: str) -> int | None:
    """Return the code of RFC 5321 that a text begins with."""
    found = _CODE.match(text)
    return int(found[1]) if found else None


def status(text: str) -> str:
    """Return the first code of RFC 3463 in a text; "" when there is none."""
    found = _STATUS.search(text)
    return found[0] if found else ""


def _is_whole(found: object) -> bool:
    return isinstance(found, int) and not isinstance(found, bool) and abs(found) < 10**20
