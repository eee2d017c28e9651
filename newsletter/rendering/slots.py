"""Stand in for a reader's fields while an issue is rendered once for all readers."""

from __future__ import annotations

from typing import NoReturn

from newsletter.domain import rendered
from newsletter.domain.rendered import ReaderField

_WAY_OUT = (
    "readers' fields can only be written out as they are, because an issue is rendered once for all readers"
)


class SlotMisuse(TypeError):
    """Say that a template asked what is in a reader's field."""


class Slot:
    """Be written out as a mark, and refuse everything else: tests, filters, comparisons."""

    __hash__ = None  # type: ignore[assignment]  # nothing may look at a field, not even a dictionary

    def __init__(self, mark: str) -> None:
        self._mark = mark

    def __html__(self) -> str:
        """Return the mark; autoescape calls this."""
        return self._mark

    def _refuse(self, *_: object) -> NoReturn:
        raise SlotMisuse(_WAY_OUT)

    __str__ = __bool__ = __len__ = __iter__ = __contains__ = __getitem__ = _refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __add__ = __radd__ = __mod__ = _refuse


class ReaderSlots:
    """Hold a slot per field of a reader; templates know them as ``reader``."""

    def __init__(self, nonce: str, *, is_rtl: bool) -> None:
        def slot(field: ReaderField) -> Slot:
            return Slot(rendered.mark(nonce, field))

        self.title = slot(ReaderField.TITLE)
        self.preheader = slot(ReaderField.PREHEADER)
        self.name = slot(ReaderField.NAME)
        self.unsubscribe_url = slot(ReaderField.UNSUBSCRIBE_URL)
        self.preferences_url = slot(ReaderField.PREFERENCES_URL)
        self.view_url = slot(ReaderField.VIEW_URL)
        self.subscribe_url = slot(ReaderField.SUBSCRIBE_URL)
        self.archive_url = slot(ReaderField.ARCHIVE_URL)
        # An address in a sentence that runs from right to left is kept together by isolates (U+2068, U+2069).
        address = rendered.mark(nonce, ReaderField.ADDRESS)
        self.address = Slot(f"\u2068{address}\u2069" if is_rtl else address)
