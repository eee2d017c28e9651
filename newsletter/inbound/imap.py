"""Take mail from a folder of an IMAP server; what is kept is moved to another folder (RFC 6851), never deleted."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from imaplib import IMAP4
from pathlib import Path
from typing import Literal

from imap_tools import BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted
from imap_tools.errors import ImapToolsError
from imap_tools.utils import encode_folder

from newsletter.domain.arrivals import KEPT_BYTES, MailWay
from newsletter.domain.errors import FetchError
from newsletter.inbound.mail import Mail, Portion

_PATIENCE = 30.0  # seconds for each answer
_MAILS_AT_ONCE = 50
_SIZES_AT_ONCE = 1_000
_UID = re.compile(rb"\bUID (\d+)")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)")
_FAULTS = (
    ImapToolsError,
    IMAP4.error,
    OSError,
    ValueError,
)  # ValueError: an answer that no parser understands


@dataclass(frozen=True, kw_only=True)
class ImapFolder:
    """Name a folder of an IMAP server, and where its mail goes when it is kept.

    ``token_file`` holds an OAuth 2 access token (XOAUTH2), used instead of the password.
    """

    host: str
    port: int = 993
    tls: Literal["implicit", "starttls", "off"] = "implicit"
    username: str = ""
    password: str = field(default="", repr=False)
    token_file: Path | None = None
    ca_file: Path | None = None
    folder: str = "INBOX"
    done_folder: str = "Newsletter-read"

    way = MailWay.IMAP

    @contextmanager
    def opened(self) -> Iterator[OpenFolder]:
        """Log in and select the folder; make the other one when it is missing. Raise FetchError when that fails."""
        box = self._connected()
        try:
            self._log_in(box)
            with _translated("no_folder", f"The folder {self.folder} or {self.done_folder} cannot be used"):
                if not box.folder.exists(self.done_folder):
                    box.folder.create(self.done_folder)
                box.folder.set(self.folder)
            with _translated("lost", "The IMAP server broke off"):
                yield OpenFolder(box, self.done_folder)
        finally:
            with suppress(*_FAULTS):
                box.logout()

    def _connected(self) -> BaseMailBox:
        with _translated("unavailable", f"The IMAP server {self.host}:{self.port} cannot be reached"):
            if self.tls == "off":
                return MailBoxUnencrypted(self.host, self.port, timeout=_PATIENCE)
            context = ssl.create_default_context(cafile=self.ca_file)
            kind = MailBox if self.tls == "implicit" else MailBoxStartTls
            return kind(self.host, self.port, timeout=_PATIENCE, ssl_context=context)

    def _log_in(self, box: BaseMailBox) -> None:
        with _translated("login_refused", "The IMAP server refuses the login"):
            if self.token_file is not None:
                box.xoauth2(self.username, self.token_file.read_text("ascii").strip(), None)
            elif (self.username + self.password).isascii():
                box.login(self.username, self.password, None)
            else:
                box.login_utf8(self.username, self.password, None)
        with _translated("lost", "The IMAP server broke off"):
            _, answers = box.client.capability()  # some servers tell all only now
        if b"MOVE" not in b" ".join(answers).upper().split():
            raise FetchError(
                "The IMAP server cannot move mail (RFC 6851), and deleting is not done here.",
                hint="Let its mail be delivered to a Maildir or by LMTP instead; see docs/operations/bounces.md.",
                reason="cannot_move",
            )


class OpenFolder:
    """Hold a folder that is selected."""

    def __init__(self, box: BaseMailBox, done_folder: str) -> None:
        self.left: list[str] = []
        self._box = box
        self._done_folder = done_folder

    def portions(self) -> Iterator[Portion]:
        """Yield the mails, of ``KEPT_BYTES`` and one mail at the most in each portion."""
        uids = self._box.uids("UNDELETED", charset=None)
        for start in range(0, len(uids), _SIZES_AT_ONCE):
            sizes = self._sizes(uids[start : start + _SIZES_AT_ONCE])
            for some in _together(sizes):
                yield self._fetched(some, sizes)

    def put_away(self, portion: Portion) -> None:
        """Move mails to the other folder, all in one command; those that stay are kept no second time."""
        if not portion.places:
            return
        target = encode_folder(self._done_folder)
        status, _ = self._box.client.uid("MOVE", ",".join(portion.places), target)  # type: ignore[arg-type]  # octets do
        if status != "OK":
            self.left.append(f"{len(portion.places)} mails: the server did not move all of them")

    def _sizes(self, uids: Sequence[str]) -> dict[str, int]:
        answers = _checked(self._box.client.uid("FETCH", ",".join(uids), "(UID RFC822.SIZE)"))
        told = [each for each in answers if isinstance(each, bytes)]
        pairs = ((_UID.search(each), _SIZE.search(each)) for each in told)
        return {uid[1].decode(): int(size[1]) for uid, size in pairs if uid and size}

    def _fetched(self, uids: Sequence[str], sizes: dict[str, int]) -> Portion:
        """Fetch the first octets of some mails; what another client has moved meanwhile is not there."""
        parts = f"(UID BODY.PEEK[]<0.{KEPT_BYTES}>)"
        answers = _checked(self._box.client.uid("FETCH", ",".join(uids), parts))
        bodies = dict(_bodies(answers))
        found = [uid for uid in uids if uid in bodies]
        self.left += [f"mail {uid}: not told by the server" for uid in uids if uid not in bodies]
        return Portion(
            [Mail(raw=bodies[uid][:KEPT_BYTES], size_bytes=sizes[uid]) for uid in found],
            found,
        )


def _together(sizes: dict[str, int]) -> Iterator[list[str]]:
    """Yield groups of mails that may be held at once."""
    group: list[str] = []
    held = 0
    for uid, size in sizes.items():
        group.append(uid)
        held += min(size, KEPT_BYTES)
        if len(group) == _MAILS_AT_ONCE or held >= KEPT_BYTES:
            yield group
            group, held = [], 0
    if group:
        yield group


def _bodies(answers: Sequence[object]) -> Iterator[tuple[str, bytes]]:
    """Yield UIDs with bodies: imaplib gives a pair for what has a literal, and the rest of the line after it."""
    for number, answer in enumerate(answers):
        if not isinstance(answer, tuple):
            continue
        line, body = answer
        rest = answers[number + 1] if number + 1 < len(answers) else b""
        uid = _UID.search(line) or (_UID.search(rest) if isinstance(rest, bytes) else None)
        if uid:
            yield uid[1].decode(), body


def _checked(answer: tuple[str, list[object]]) -> list[object]:
    status, data = answer
    if status != "OK":
        raise IMAP4.error(status)
    return data


@contextmanager
def _translated(reason: str, text: str) -> Iterator[None]:
    """Raise FetchError for what imaplib, imap-tools and the network raise; their texts may hold what is secret."""
    try:
        yield
    except ssl.SSLError as error:
        raise FetchError(
            f"{text}: its certificate or encryption is not good ({error.reason}).",
            hint="Check NEWSLETTER_IMAP_HOST, NEWSLETTER_IMAP_TLS and NEWSLETTER_IMAP_CA_FILE.",
            reason="bad_tls",
        ) from error
    except IMAP4.abort as error:
        raise FetchError(f"{text}: it closed the connection.", hint=_HINT, reason="lost") from error
    except _FAULTS as error:
        raise FetchError(f"{text} ({type(error).__name__}).", hint=_HINT, reason=reason) from error


_HINT = "Check the settings NEWSLETTER_IMAP_...; then try at once: newsletter bounces poll"
