"""Catch every mail: an SMTP server that delivers nowhere and keeps what it receives on disk."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from email import policy
from email.errors import MessageError
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parseaddr
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from newsletter.domain.markup import MarkupReader
from newsletter.runtime.clock import Clock

_KEPT = 5_000  # messages: enough to look at, and 500 MB of disk at the size where Gmail clips
_MESSAGE_BYTES = 32 * 1024 * 1024
_PREVIEW_CHARACTERS = 160  # two lines of the list
_UNSHOWN = {"style", "script", "title"}
# What the standard library can raise over a message of a stranger's: each was met.
_FAULTS = (MessageError, AttributeError, LookupError, TypeError, ValueError)
_PADDING = dict.fromkeys(
    map(ord, "\u034f\u00ad\u200b\u200c\u200d\u2060\ufeff\u00a0"), " "
)  # after a preheader


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Describe one message of the inbox; ``number`` counts from 1 in the order of arrival."""

    number: int
    received_at: datetime
    mail_from: str
    rcpt_to: tuple[str, ...]
    sender: str
    subject: str
    preview: str
    newsletter: str
    size_bytes: int


class Mailbox:
    """Keep messages in a folder, one file each, and the newest few thousand of them; safe to use from threads."""

    def __init__(self, folder: Path, *, clock: Clock) -> None:
        """Open the folder; what an earlier run received is still there."""
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        found = sorted(folder.glob("*.json"))
        self._entries = {entry.number: entry for entry in map(_read_entry, found)}
        self._last = max(self._entries, default=0)

    def keep(self, *, mail_from: str, rcpt_to: Sequence[str], message: bytes) -> Entry:
        """Write one message and return its entry."""
        with self._lock:
            self._last += 1
            number = self._last
        entry = _describe(number, self._clock.now(), mail_from, rcpt_to, message)
        self._path(number, "eml").write_bytes(message)
        self._path(number, "json").write_text(_as_text(entry), encoding="utf-8")
        with self._lock:
            self._entries[number] = entry
            surplus = sorted(self._entries)[:-_KEPT]
            for old in surplus:
                del self._entries[old]
        for old in surplus:
            self._path(old, "eml").unlink(missing_ok=True)
            self._path(old, "json").unlink(missing_ok=True)
        return entry

    def entries(self, search: str = "") -> list[Entry]:
        """Return the entries that hold the letters searched for, newest first."""
        wanted = search.casefold().strip()
        with self._lock:
            found = sorted(self._entries.values(), key=lambda entry: entry.number, reverse=True)
        return [entry for entry in found if wanted in _haystack(entry)] if wanted else found

    def entry(self, number: int) -> Entry | None:
        """Return one entry, or None."""
        with self._lock:
            return self._entries.get(number)

    def raw(self, number: int) -> bytes:
        """Return the octets of a message as they were received."""
        return self._path(number, "eml").read_bytes()

    def parsed(self, number: int) -> EmailMessage:
        """Return a message taken apart."""
        return _parse(self.raw(number))

    def _path(self, number: int, kind: str) -> Path:
        return self._folder / f"{number:08}.{kind}"


class CatchAll:
    """Answer SMTP on one port and keep every message in a mailbox."""

    def __init__(self, mailbox: Mailbox, *, host: str, port: int) -> None:
        """Take the port, or any other when somebody has it; nothing is answered before the start."""
        listener = listening(host, preferred=port)
        self.port: int = listener.getsockname()[1]
        self._controller = _Controller(_Keeper(mailbox), listener)

    def start(self) -> None:
        """Answer, in a thread."""
        self._controller.start()

    def stop(self) -> None:
        """Stop answering."""
        self._controller.stop(no_assert=True)


class _Controller(Controller):
    def __init__(self, handler: _Keeper, listener: socket.socket) -> None:
        host, port = listener.getsockname()
        super().__init__(handler, hostname=host, port=port)
        self._listener = listener

    def _create_server(self) -> Awaitable[asyncio.AbstractServer]:
        """Serve on the socket that is open already, so that nobody can take its port meanwhile."""
        return self.loop.create_server(self._factory_invoker, sock=self._listener)

    def factory(self) -> SMTP:
        """Make the protocol of one connection."""
        return SMTP(self.handler, hostname=self.hostname, ident="Inbox", data_size_limit=_MESSAGE_BYTES)


class _Keeper:
    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a message before saying that we have it."""
        content = envelope.content
        body = content if isinstance(content, bytes) else (content or "").encode("utf-8", "surrogateescape")
        await asyncio.to_thread(
            self._mailbox.keep,
            mail_from=envelope.mail_from or "",
            rcpt_to=[str(recipient) for recipient in envelope.rcpt_tos],
            message=body,
        )
        return "250 2.0.0 Kept"


def listening(host: str, *, preferred: int) -> socket.socket:
    """Return a socket on the preferred port when it is free, else on any."""
    for port in (preferred, 0):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen()
        except OSError:
            listener.close()
        else:
            return listener
    raise OSError("no port is free")


def text_of(message: EmailMessage) -> str:
    """Return the plain text of a message, "" when it has none."""
    return _body(message, "plain")


def html_of(message: EmailMessage) -> str:
    """Return the HTML of a message, "" when it has none."""
    return _body(message, "html")


def headers_of(message: EmailMessage) -> list[tuple[str, str]]:
    """Return the header fields of a message, decoded; one that cannot be is shown as it stands."""
    return [(name, _decoded(name, str(raw))) for name, raw in message.raw_items()]


def _field(message: EmailMessage, name: str) -> str:
    return next((value for found, value in headers_of(message) if found.lower() == name), "")


def _decoded(name: str, raw: str) -> str:
    try:
        value = str(policy.default.header_fetch_parse(name, raw))
    except _FAULTS:
        value = " ".join(raw.split())
    return _encodable(value)


def _body(message: EmailMessage, kind: str) -> str:
    try:
        part = message.get_body((kind,))
    except _FAULTS:
        return ""
    if part is None:
        return ""
    try:
        return _encodable(str(part.get_content()))
    except _FAULTS:  # a character set or type that nobody knows
        payload = part.get_payload(decode=True)
        return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def _encodable(text: str) -> str:
    """Return a text without halves of characters, which no page can show."""
    return text.encode("utf-8", "replace").decode()


def _parse(message: bytes) -> EmailMessage:
    parser: Callable[[bytes], EmailMessage] = BytesParser(policy=policy.default).parsebytes
    return parser(message)


def _describe(number: int, now: datetime, mail_from: str, rcpt_to: Sequence[str], message: bytes) -> Entry:
    parsed = _parse(message)
    name, address = parseaddr(_field(parsed, "from"))
    return Entry(
        number=number,
        received_at=now,
        mail_from=mail_from,
        rcpt_to=tuple(rcpt_to),
        sender=name or address or mail_from,
        subject=_field(parsed, "subject").strip() or "(no subject)",
        preview=_preview(html_of(parsed)) or " ".join(_words(text_of(parsed)))[:_PREVIEW_CHARACTERS],
        newsletter=_field(parsed, "list-id").partition("<")[0].strip(' "'),
        size_bytes=len(message),
    )


def _preview(html: str) -> str:
    """Return the first words of the HTML, hidden or not, as the lists of mail programs show them."""
    reader = _FirstWords()
    reader.read(html[:20_000])
    return reader.text


class _FirstWords(MarkupReader):
    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self._unshown = 0

    def handle_starttag(self, tag: str, _attributes: list[tuple[str, str | None]]) -> None:
        self._unshown += tag in _UNSHOWN

    def handle_endtag(self, tag: str) -> None:
        self._unshown -= tag in _UNSHOWN

    def handle_data(self, data: str) -> None:
        words = " ".join(data.translate(_PADDING).split())
        if words and not self._unshown and len(self.text) < _PREVIEW_CHARACTERS:
            self.text = f"{self.text} {words}".strip()[:_PREVIEW_CHARACTERS]


def _words(text: str) -> Iterator[str]:
    """Yield the words of a text but for rules and bare links, which say nothing in a list."""
    for word in text[:2000].split():
        if any(letter.isalnum() for letter in word) and "://" not in word:
            yield word


def _haystack(entry: Entry) -> str:
    return "\n".join(
        (entry.subject, entry.sender, entry.newsletter, entry.mail_from, *entry.rcpt_to, entry.preview)
    ).casefold()


def _as_text(entry: Entry) -> str:
    return json.dumps(asdict(entry) | {"received_at": entry.received_at.isoformat()}, ensure_ascii=False)


def _read_entry(path: Path) -> Entry:
    fields = json.loads(path.read_text(encoding="utf-8"))
    fields["received_at"] = datetime.fromisoformat(fields["received_at"])
    fields["rcpt_to"] = tuple(fields["rcpt_to"])
    return Entry(**fields)
