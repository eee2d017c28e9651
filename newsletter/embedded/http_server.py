"""Serve HTTP to the people of this machine."""

from __future__ import annotations

import sys
from http.server import ThreadingHTTPServer
from typing import Any  # what the standard library hands over


class Server(ThreadingHTTPServer):
    """Answer each request in a thread of its own, and say nothing of browsers that have gone away meanwhile."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print a fault of ours; a connection that is closed at the other end is none."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)
