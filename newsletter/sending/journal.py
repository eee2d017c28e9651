"""Remember on disk which messages of open windows were begun and how they ended, for whoever comes after a crash.

One file per worker process, in the installation's data folder. A record is on its way to the disk before the bytes
that it speaks of leave: what the kernel has been given survives the death of the process, though not that of the
machine, so a journal written before the last boot tells only of what ended, never of what was not begun.

The writer holds a lock on its file for as long as it lives. While the lock is held, what the file does not say proves
nothing: its writer may still be at it.
"""

from __future__ import annotations

import fcntl
import os
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from newsletter.domain.mailings import MessageStatus
from newsletter.domain.outcomes import SmtpReply

_HEAD = struct.Struct("<8s36s4x")  # magic and version, boot id
_MAGIC = b"nljrnl01"
# Window, subscriber, kind, and of the reply: class of the enhanced code, code, subject, detail.
_RECORD = struct.Struct("<QQBBHHH")
_WINDOW = struct.Struct("<Q")
_BEGUN = 255
_SUBMITTED = MessageStatus.SUBMITTED.value
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_SUFFIX = ".journal"
_LOCK_ATTEMPTS = 200  # two seconds in all: whoever looks whether a worker lives locks for an instant
_LOCK_PAUSE = 0.01  # seconds


@dataclass(frozen=True)
class Note:
    """Hold how an attempt ended, as far as a journal tells; the words of a reply are not kept."""

    status: MessageStatus
    reply: SmtpReply | None


@dataclass(frozen=True)
class Account:
    """Hold what a journal says of one window.

    ``is_complete``: a reader of whom it says nothing was not written to.
    """

    begun: frozenset[int]
    ended: Mapping[int, Note]
    is_complete: bool


class Journal:
    """Write the journal of one worker process; not for threads."""

    def __init__(self, folder: Path, holder: str) -> None:
        """Open the file; whoever else writes to it is a fault of ours."""
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{holder}{_SUFFIX}"
        self._file = _opened(self._path)
        if os.fstat(self._file).st_size == 0:
            os.write(self._file, _HEAD.pack(_MAGIC, _boot_id()))
        # What an earlier drain of this worker left stays: its windows may still be open.
        self._floor = os.fstat(self._file).st_size
        self._buffer: list[bytes] = []

    def begun(self, window_id: int, subscriber_id: int) -> None:
        """Note that the body of a message is about to leave."""
        self._buffer.append(_RECORD.pack(window_id, subscriber_id, _BEGUN, 0, 0, 0, 0))

    def accepted(self, window_id: int, subscriber_id: int, code: int) -> None:
        """Note that the relay took a message."""
        self._buffer.append(_RECORD.pack(window_id, subscriber_id, _SUBMITTED, 0, code, 0, 0))

    def ended(
        self, window_id: int, subscriber_id: int, status: MessageStatus, reply: SmtpReply | None
    ) -> None:
        """Note any other end of an attempt; no reply: nobody knows."""
        kind, subject, detail = _numbers(reply)
        code = reply.code if reply else 0
        self._buffer.append(_RECORD.pack(window_id, subscriber_id, status, kind, code, subject, detail))

    def flush(self) -> None:
        """Hand what was noted to the kernel, in one piece."""
        if self._buffer:
            os.write(self._file, b"".join(self._buffer))
            self._buffer.clear()

    def forget(self) -> None:
        """Drop everything since the journal was opened: all windows are closed."""
        self._buffer.clear()
        os.ftruncate(self._file, self._floor)

    def close(self, *, keep: bool) -> None:
        """Close the file; ``keep`` it when a window is still open."""
        self.flush()
        if not keep and self._floor == _HEAD.size:
            self._path.unlink(missing_ok=True)
        os.close(self._file)


def read(folder: Path, holder: str, window_id: int) -> Account | None:
    """Return what a worker of this machine noted of a window; None when its journal is not here."""
    path = folder / f"{holder}{_SUFFIX}"
    # Asked first: what a worker that lives writes after the reading would be missed.
    is_final = not _is_held(path)
    try:
        octets = path.read_bytes()
    except OSError:
        return None
    begun: set[int] = set()
    ended: dict[int, Note] = {}
    for subscriber, kind, reply in _records_of(octets, window_id):
        if kind == _BEGUN:
            begun.add(subscriber)
            ended.pop(subscriber, None)
        else:
            ended[subscriber] = Note(MessageStatus(kind), reply)
    is_complete = octets[: _HEAD.size] == _HEAD.pack(_MAGIC, _boot_id()) and is_final
    return Account(frozenset(begun), ended, is_complete)


def left_behind(folder: Path) -> list[str]:
    """Return the holders of the journals here whose writers are gone."""
    return [path.stem for path in sorted(folder.glob(f"*{_SUFFIX}")) if not _is_held(path)]


def accepted(folder: Path, holder: str) -> frozenset[tuple[int, int]]:
    """Return window and subscriber of every message that a journal knows to be accepted."""
    octets = (folder / f"{holder}{_SUFFIX}").read_bytes()
    if octets[: len(_MAGIC)] != _MAGIC:
        return frozenset()
    whole = len(octets) - (len(octets) - _HEAD.size) % _RECORD.size
    records = _RECORD.iter_unpack(octets[_HEAD.size : whole])
    return frozenset((record[0], record[1]) for record in records if record[2] == MessageStatus.SUBMITTED)


@contextmanager
def taken(folder: Path, holder: str) -> Iterator[bool]:
    """Keep everybody else off the journal of a worker that is gone; False when it lives, or nothing is there.

    Meanwhile a new drain of that worker waits, and recovery takes the worker for one that lives.
    """
    path = folder / f"{holder}{_SUFFIX}"
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        yield False
        return
    try:
        yield _is_locked(file) and _is_at(file, path)
    finally:
        os.close(file)


def remove(folder: Path, holder: str) -> None:
    """Delete a journal that nobody will ask for; to be called while it is taken."""
    (folder / f"{holder}{_SUFFIX}").unlink(missing_ok=True)


def _opened(path: Path) -> int:
    """Open a journal and lock it; one that somebody has just deleted is made anew."""
    for _ in range(_LOCK_ATTEMPTS):
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if _is_locked(file) and _is_at(file, path):
            return file
        os.close(file)
        time.sleep(_LOCK_PAUSE)
    raise BlockingIOError(f"another process writes to {path}")


def _is_locked(file: int) -> bool:
    """Lock a file, if nobody else has."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(file: int, path: Path) -> bool:
    """Say whether an open file is still the one of a path."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except OSError:
        return False


def _records_of(octets: bytes, window_id: int) -> Iterator[tuple[int, int, SmtpReply | None]]:
    """Yield subscriber, kind and reply of a window's records: a few hundred among a million, so they are searched.

    A last record that is cut off is passed over: the bytes that it speaks of did not leave.
    """
    if octets[: len(_MAGIC)] != _MAGIC:
        return
    needle = _WINDOW.pack(window_id)
    position = octets.find(needle, _HEAD.size)
    while 0 <= position <= len(octets) - _RECORD.size:
        if (position - _HEAD.size) % _RECORD.size:
            position = octets.find(needle, position + 1)
            continue
        _, subscriber, kind, first, code, subject, detail = _RECORD.unpack_from(octets, position)
        enhanced = f"{first}.{subject}.{detail}" if first else None
        yield subscriber, kind, SmtpReply(code, enhanced, "") if code else None
        position = octets.find(needle, position + _RECORD.size)


def _is_held(path: Path) -> bool:
    """Say whether the process that writes a journal lives."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def _numbers(reply: SmtpReply | None) -> tuple[int, int, int]:
    if reply is None or reply.enhanced is None:
        return 0, 0, 0
    first, subject, detail = reply.enhanced.split(".")
    return int(first), int(subject), int(detail)


def _boot_id() -> bytes:
    """Name this run of the machine; without one, no journal is ever complete but for its own process's life."""
    try:
        return _BOOT_ID.read_bytes().strip()[:36]
    except OSError:
        return b""
