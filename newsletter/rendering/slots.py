"""Stand in for a reader's fields while an issue is rendered once for all readers."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Container
from dataclasses import dataclass
from functools import wraps
from typing import NoReturn, TypeVar

from newsletter.domain.rendered import ReaderField

T = TypeVar("T")

_WAY_OUT = (
    "readers' fields can only be written out as they are, because an issue is rendered once for all readers"
)


class SlotMisuse(TypeError):
    """Say that a template asked what is in a reader's field."""


@dataclass(frozen=True)
class Sighting:
    """Say where a template writes a field out."""

    template: str
    line: int | None


class Sightings:
    """Number the marks that templates write, and remember where each was written.

    A mark with a number is found again whatever happens to the text around it, and leads to file and line.
    """

    def __init__(self, nonce: str) -> None:
        """Begin with none."""
        self._nonce = nonce
        self._seen: list[Sighting | None] = []
        self.pattern = re.compile(f"zq{nonce}({'|'.join(ReaderField)})(\\d+)qz")

    def __len__(self) -> int:
        """Return how many marks were written."""
        return len(self._seen)

    def new(self, field: ReaderField) -> str:
        """Return a mark for a place that a template is just writing to."""
        self._seen.append(_place_in_template())
        return f"zq{self._nonce}{field.value}{len(self._seen) - 1}qz"

    def trial(self, first: int) -> Sightings:
        """Return others that number on from ``first``, for rendering again what was rendered from there on."""
        trial = Sightings(self._nonce)
        trial._seen = [None] * first
        return trial

    def at(self, number: int) -> Sighting:
        """Return where the mark of a number was written."""
        return self._seen[number] or Sighting("", None)

    def has_remains(self, text: str) -> bool:
        """Say whether a text holds something that was a mark before somebody changed it."""
        return f"zq{self._nonce}" in self.without_marks(text).lower()

    def unnumbered(self, text: str) -> str:
        """Return a text with the marks that blocks are kept with."""
        return self.pattern.sub(f"zq{self._nonce}\\1qz", text)

    def without_marks(self, text: str) -> str:
        """Return a text without any mark."""
        return self.pattern.sub("", text)


class Slot:
    """Be written out as a mark, and refuse everything else: tests, filters, comparisons."""

    __hash__ = None  # type: ignore[assignment]  # nothing may look at a field, not even a dictionary

    def __init__(self, mark: Callable[[], str]) -> None:
        self._mark = mark

    def __html__(self) -> str:
        """Return the mark; autoescape calls this."""
        return self._mark()

    def _refuse(self, *_: object) -> NoReturn:
        raise SlotMisuse(_WAY_OUT)

    __str__ = __bool__ = __len__ = __iter__ = __contains__ = __getitem__ = _refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __add__ = __radd__ = __mod__ = _refuse


class ReaderSlots:
    """Hold a slot per field of a reader; templates know them as ``reader``.

    ``hidden``: the numbers of those that stand for an empty value, counted from this object's first.
    """

    def __init__(self, sightings: Sightings, *, is_rtl: bool, hidden: Container[int] = ()) -> None:
        first = len(sightings)

        def slot(field: ReaderField) -> Slot:
            def mark() -> str:
                number = len(sightings) - first
                written = sightings.new(field)
                shown = "" if number in hidden else written
                # An address in a sentence that runs from right to left is kept together (U+2068, U+2069).
                return f"\u2068{shown}\u2069" if is_rtl and field is ReaderField.ADDRESS else shown

            return Slot(mark)

        self.title = slot(ReaderField.TITLE)
        self.preheader = slot(ReaderField.PREHEADER)
        self.name = slot(ReaderField.NAME)
        self.address = slot(ReaderField.ADDRESS)
        self.unsubscribe_url = slot(ReaderField.UNSUBSCRIBE_URL)
        self.preferences_url = slot(ReaderField.PREFERENCES_URL)
        self.view_url = slot(ReaderField.VIEW_URL)
        self.subscribe_url = slot(ReaderField.SUBSCRIBE_URL)
        self.archive_url = slot(ReaderField.ARCHIVE_URL)

    def _refuse(self) -> NoReturn:
        raise SlotMisuse(f"reader is no text, and {_WAY_OUT}: write reader.name or another of its fields")

    __str__ = __html__ = __bool__ = _refuse


def guarded(function: Callable[..., T]) -> Callable[..., T]:
    """Return a filter or test of Jinja that refuses readers' fields."""

    @wraps(function)
    def refusing(*args: object, **named: object) -> T:
        if any(isinstance(value, Slot) for value in (*args, *named.values())):
            raise SlotMisuse(_WAY_OUT)
        return function(*args, **named)

    return refusing


def _place_in_template() -> Sighting:
    """Return which line of which template is running: the innermost one on the stack."""
    frame = inspect.currentframe()
    while frame is not None:
        template = frame.f_globals.get("__jinja_template__")
        if template is not None:
            return Sighting(template.name, template.get_corresponding_lineno(frame.f_lineno))
        frame = frame.f_back
    return Sighting("", None)
