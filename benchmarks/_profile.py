"""Show where the CPU time of this process goes: look at the stack at every millisecond of CPU time."""

from __future__ import annotations

import platform
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

_INTERVAL = 0.001  # seconds of CPU
_SHOWN = 25
_VERSION = ".".join(platform.python_version_tuple()[:2])
_ROOT = f"{Path(__file__).parents[1]}/"


class Samples:
    """Count lines that ran and functions that were being run; C code counts for the line that called it."""

    def __init__(self) -> None:
        self.count = 0
        self._lines: Counter[str] = Counter()
        self._own: Counter[str] = Counter()
        self._with_callees: Counter[str] = Counter()

    def add(self, _number: int, frame: FrameType | None) -> None:
        """Take one sample."""
        if frame is None:
            return
        self.count += 1
        self._lines[f"{_place(frame)}:{frame.f_lineno} {frame.f_code.co_qualname}"] += 1
        self._own[_function(frame)] += 1
        seen = set()
        while frame is not None:
            seen.add(_function(frame))
            frame = frame.f_back
        self._with_callees.update(seen)

    @contextmanager
    def taking(self) -> Iterator[None]:
        """Take samples while the block runs; only of the main thread."""
        signal.signal(signal.SIGPROF, self.add)
        signal.setitimer(signal.ITIMER_PROF, _INTERVAL, _INTERVAL)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)

    def show(self, title: str) -> None:
        """Print the most frequent ones."""
        print(f"\n{title}: {self.count} samples")
        self._show("functions, with what they call", self._with_callees)
        self._show("functions, alone", self._own)
        self._show("lines", self._lines)

    def _show(self, title: str, found: Counter[str]) -> None:
        print(f"  {title}")
        for name, count in found.most_common(_SHOWN):
            print(f"  {100 * count / self.count:6.1f} %  {name}")


def _place(frame: FrameType) -> str:
    name = frame.f_code.co_filename
    for folder in (_ROOT, "site-packages/", f"python{_VERSION}/"):
        name = name.rpartition(folder)[2]
    return name


def _function(frame: FrameType) -> str:
    return f"{_place(frame)} {frame.f_code.co_qualname}"
