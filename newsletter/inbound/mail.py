"""Hold a mail as it came in, whatever way."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Mail:
    """Hold the first octets of a mail, ``KEPT_BYTES`` at the most, and its envelope.

    ``size_bytes`` counts all that came. ``recipients`` are those of the envelope, none where there was no envelope.
    ``sender`` is "" for a null return path, None when it is not known. ``peer`` is the client's IP address.
    """

    raw: bytes
    size_bytes: int
    recipients: tuple[str, ...] = ()
    sender: str | None = None
    peer: str = ""
