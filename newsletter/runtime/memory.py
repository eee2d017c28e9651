"""Keep memory at hand: neither the C library nor the garbage collector is to be busy after every message."""

from __future__ import annotations

import ctypes
import gc
import sys

# Names and numbers of glibc's malloc.h. A message of 65 KB lies at the end of the heap: without this, glibc returns it
# to the system when it is freed and asks for it again, page by page, for the next: 22 us a message instead of 3.
_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_THRESHOLD = -3

_TRIM_ABOVE = 256 << 20  # free octets at the end of the heap: more than a worker may use
_GROW_BY = 32 << 20  # octets: some hundred messages at once
_MAP_ABOVE = 4 << 20  # octets: no message comes near

# Objects between two looks for circles, of which sending makes none: with Python's 700 a sixth of a sender's time.
_COLLECT_AFTER = 50_000


def tune() -> None:
    """Prepare a process that sends; to be called once, at its start, when the modules are loaded."""
    tune_malloc()
    gc.collect()
    gc.freeze()  # what is loaded stays, and is not looked at again
    gc.set_threshold(_COLLECT_AFTER, *gc.get_threshold()[1:])


def tune_malloc() -> bool:
    """Tell malloc to keep what it has; to be called once, at the start of a sending process. False without glibc."""
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:  # musl has none
        return False
    options = ((_M_TRIM_THRESHOLD, _TRIM_ABOVE), (_M_TOP_PAD, _GROW_BY), (_M_MMAP_THRESHOLD, _MAP_ABOVE))
    taken = [mallopt(name, value) for name, value in options]
    return all(taken)
