"""Take mail from a Maildir: what is in ``new`` moves to ``cur``, marked as seen (cr.yp.to/proto/maildir.html)."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from newsletter.domain.arrivals import KEPT_BYTES, MailWay
from newsletter.domain.errors import FetchError
from newsletter.inbound import mail
from newsletter.inbound.mail import Mail, Portion

_MAILS_AT_ONCE = 50
_SEEN = ":2,S"


class Maildir:
    """Name a Maildir."""

    way = MailWay.MAILDIR

    def __init__(self, folder: Path) -> None:
        """Take the folder that has ``new`` and ``cur`` in it."""
        self._folder = folder

    @contextmanager
    def opened(self) -> Iterator[OpenMaildir]:
        """Open it; raise FetchError (``no_maildir``) when it is none, or not ours to read."""
        try:
            names = sorted(name for name in os.listdir(self._folder / "new") if not name.startswith("."))
            os.listdir(self._folder / "cur")
        except OSError as error:
            raise FetchError(
                f"{self._folder} cannot be read as a Maildir ({error.strerror}).",
                hint="Check NEWSLETTER_MAILDIR, that new and cur are in it, and that the service's user owns them.",
                reason="no_maildir",
            ) from error
        yield OpenMaildir(self._folder, names)


class OpenMaildir:
    """Hold the names of the mails that were new at the opening; they begin with the time of delivery."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        self.left: list[str] = []
        self._folder = folder
        self._names = names

    def portions(self) -> Iterator[Portion]:
        """Yield the mails, of ``KEPT_BYTES`` and one mail at the most in each portion."""
        mails: list[Mail] = []
        names: list[str] = []
        for name in self._names:
            found = self._read(name)
            if found is None:
                continue
            mails.append(found)
            names.append(name)
            if len(mails) == _MAILS_AT_ONCE or sum(len(each.raw) for each in mails) >= KEPT_BYTES:
                yield Portion(mails, names)
                mails, names = [], []
        if mails:
            yield Portion(mails, names)

    def put_away(self, portion: Portion) -> None:
        """Move mails to ``cur``; one that cannot be moved stays and is kept no second time."""
        for name in portion.places:
            target = self._folder / "cur" / f"{name.partition(':')[0]}{_SEEN}"
            try:
                if target.exists():
                    raise FileExistsError(0, "another mail has its name in cur")
                (self._folder / "new" / name).rename(target)
            except OSError as error:
                self.left.append(f"{name}: {error.strerror}")

    def _read(self, name: str) -> Mail | None:
        """Read a file; neither a link nor anything else that is no file is followed."""
        try:
            number = os.open(self._folder / "new" / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            if not stat.S_ISREG(os.fstat(number).st_mode):
                os.close(number)
                raise OSError(0, "not a file")
            with os.fdopen(number, "rb") as file:
                return mail.read(file)
        except OSError as error:
            self.left.append(f"{name}: {error.strerror}")
            return None
