"""Say what is wrong with a relay."""

from __future__ import annotations


class RelayFault(Exception):
    """Say why a relay cannot be used now, and what to do."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
