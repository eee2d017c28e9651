"""Write what a server saw, one JSON object a line, in lots."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

_FLUSH_SECONDS = 0.02  # often enough for whoever counts the lines of a running server


class Scribe:
    """Append lines to a file; not for threads."""

    def __init__(self, path: Path) -> None:
        """Open the file; what it holds stays."""
        self._file = path.open("a", encoding="utf-8")
        self._lines: list[str] = []

    def write(self, **fields: object) -> None:
        """Take one entry."""
        self._lines.append(json.dumps(fields, separators=(",", ":")))

    def flush(self) -> None:
        """Write what was taken, in whole lines."""
        if self._lines:
            self._lines.append("")
            self._file.write("\n".join(self._lines))
            self._file.flush()
            self._lines.clear()

    async def keep_writing(self) -> None:
        """Flush now and then."""
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            self.flush()
