"""Hold a mail as it came in, whatever way, and say what places are that mail is collected from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from newsletter.domain.arrivals import KEPT_BYTES, MailWay

_CHUNK_BYTES = 1_000_000


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


@dataclass(frozen=True)
class Portion:
    """Hold some mails of a mailbox and where each of them lies, so that all can be kept in one transaction."""

    mails: Sequence[Mail]
    places: Sequence[str]


class OpenMailbox(Protocol):
    """Show the mails of a mailbox that nobody has taken; ``left`` says which could not be, and why."""

    left: list[str]

    def portions(self) -> Iterator[Portion]:
        """Yield the mails, oldest first; raise FetchError when that cannot go on."""

    def put_away(self, portion: Portion) -> None:
        """Move mails that are kept to where nobody looks for them again; nothing is deleted."""


class Mailbox(Protocol):
    """Name a place that mail is collected from."""

    way: MailWay

    def opened(self) -> AbstractContextManager[OpenMailbox]:
        """Open it; raise FetchError, with a stable reason, when that fails."""


def read(file: BinaryIO, *, recipients: tuple[str, ...] = (), sender: str | None = None) -> Mail:
    """Read a mail to its end; beyond ``KEPT_BYTES`` it is only counted."""
    raw = file.read(KEPT_BYTES)
    size = len(raw)
    while piece := file.read(_CHUNK_BYTES):
        size += len(piece)
    return Mail(raw=raw, size_bytes=size, recipients=recipients, sender=sender)
