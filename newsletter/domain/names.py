"""Clean the names that readers give themselves."""

from __future__ import annotations

import re
import unicodedata

from newsletter.domain.errors import InvalidInput

_LONGEST = 64  # characters; longer ones are advertisements
_TURNS = frozenset(
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)  # they reorder what stands around them
_UNWANTED = re.compile(r"[<>@]|://|\bwww\.|https?:", re.IGNORECASE)


def parse(text: str) -> str:
    """Return a reader's name on one line; raise InvalidInput when it carries a link, mark-up or an essay.

    Strangers mail advertisements to others through the name field of signup forms.
    """
    visible = text if text.isprintable() else "".join(" " if _is_unseen(char) else char for char in text)
    name = " ".join(unicodedata.normalize("NFC", visible).split())
    if len(name) > _LONGEST:
        raise InvalidInput(
            f"The name is longer than {_LONGEST} characters.", hint="Shorten it.", reason="name_too_long"
        )
    if _UNWANTED.search(name):
        raise InvalidInput(
            "The name holds a link or mark-up.", hint="Give a name only.", reason="name_with_link"
        )
    return name


def _is_unseen(char: str) -> bool:
    """Say whether a character is a control, half of a pair, or turns the direction of writing."""
    return unicodedata.category(char) in {"Cc", "Cs"} or char in _TURNS
