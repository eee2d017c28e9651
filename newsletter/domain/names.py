"""Clean the names that readers give themselves."""

from __future__ import annotations

import re
import unicodedata

from newsletter.domain.errors import InvalidInput

_LONGEST = 64  # characters; longer ones are advertisements
_UNWANTED = re.compile(r"[<>@]|://|\bwww\.|https?:", re.IGNORECASE)


def parse(text: str) -> str:
    """Return a reader's name on one line; raise InvalidInput when it carries a link, mark-up or an essay.

    Strangers mail advertisements to others through the name field of signup forms.
    """
    visible = "".join(" " if unicodedata.category(char) == "Cc" else char for char in text)
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
