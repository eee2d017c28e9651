"""Judge signatures with the library of OpenDKIM, of Debian's opendkim-tools: written by others, in C, apart from ours.

The library asks a function of ours for keys, so that no name server is needed.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from ctypes import CFUNCTYPE, POINTER, byref, c_bool, c_char_p, c_int, c_size_t, c_void_p
from ctypes.util import find_library

OK, NO_KEY = 0, 3  # DKIM_STAT_OK, DKIM_STAT_NOKEY
_CONTINUE, _NOT_FOUND = 0, 3  # DKIM_CBSTAT_CONTINUE, DKIM_CBSTAT_NOTFOUND
_Lookup = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_size_t)


class NoLibrary(Exception):
    """Say why there is no judge."""


class OpenDkim:
    """Verify messages with the keys of ``records``: values of TXT records by their names."""

    def __init__(self, records: Mapping[str, str]) -> None:
        """Load the library; raise NoLibrary when this machine has none."""
        name = find_library("opendkim")
        if name is None:
            raise NoLibrary("no libopendkim: apt install opendkim-tools")
        self._records = records
        self._calls = _declared(ctypes.CDLL(name))
        self._library = self._calls.dkim_init(None, None)
        self._lookup = _Lookup(self._look_up)  # the library keeps the pointer: it must live as long
        self._calls.dkim_set_key_lookup(self._library, self._lookup)

    def close(self) -> None:
        """Give back what the library took."""
        self._calls.dkim_close(self._library)

    def verifies(self, message: bytes) -> bool:
        """Say whether the signature of a message is good."""
        return self.status(message) == OK

    def status(self, message: bytes) -> int:
        """Return what the library says in the end, a DKIM_STAT."""
        status = c_int()
        handle = self._calls.dkim_verify(self._library, b"test", None, byref(status))
        assert handle, status.value
        try:
            for octets in (message, b""):  # the empty one is the end
                answered = self._calls.dkim_chunk(handle, octets, len(octets))
                if answered != OK:
                    return int(answered)
            return int(self._calls.dkim_eom(handle, byref(c_bool())))
        finally:
            self._calls.dkim_free(handle)

    def _look_up(self, _handle: int, signature: int, buffer: int, size: int) -> int:
        selector = self._calls.dkim_sig_getselector(signature).decode()
        domain = self._calls.dkim_sig_getdomain(signature).decode()
        value = self._records.get(f"{selector}._domainkey.{domain}", "").encode()
        if not value or len(value) >= size:
            return _NOT_FOUND
        ctypes.memmove(buffer, value + b"\0", len(value) + 1)
        return _CONTINUE


def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    """Tell the types of what is called (libopendkim/dkim.h)."""
    for name, result, *arguments in (
        ("dkim_init", c_void_p, c_void_p, c_void_p),
        ("dkim_close", None, c_void_p),
        ("dkim_set_key_lookup", c_int, c_void_p, _Lookup),
        ("dkim_verify", c_void_p, c_void_p, c_char_p, c_void_p, POINTER(c_int)),
        ("dkim_chunk", c_int, c_void_p, c_char_p, c_size_t),
        ("dkim_eom", c_int, c_void_p, POINTER(c_bool)),
        ("dkim_free", c_int, c_void_p),
        ("dkim_sig_getselector", c_char_p, c_void_p),
        ("dkim_sig_getdomain", c_char_p, c_void_p),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
