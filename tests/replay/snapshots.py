"""Let feeds change over a month as real ones do, and keep every state that a reader of them could meet."""

from __future__ import annotations

import random  # noqa: TID251 - the seed decides everything
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256

from tests.replay import dates, documents
from tests.replay.documents import Entry, Kind
from tests.replay.world import Newsroom, Piece

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Hold what a server answers for a while in place of its feed."""

    at: datetime
    until: datetime
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_to: float | None = None  # of the document: the part that is left of it
    is_empty: bool = False  # a feed without an entry


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Hold how a feed behaves; the shares are of new items, as measured on 201 real feeds."""

    path: str
    kind: Kind
    title: str
    home: str
    window: int = 20
    title_edits: float = 0.023
    date_edits: float = 0.02
    link_edits: float = 0.005
    new_ids: float = 0.0
    reposts: float = 0.007
    absences: float = 0.01
    no_guid: float = 0.0
    no_title: float = 0.0
    no_link: float = 0.0
    escaped_twice: float = 0.02
    tracking: float = 0.1
    proxies: float = 0.0
    relative: float = 0.0
    doubles: float = 0.0  # of documents that show one item twice
    is_shuffled: bool = False
    charset: str = "utf-8"
    content_type: str = ""
    forms: Mapping[dates.Form, float] = field(default_factory=lambda: {dates.full: 1.0})
    faults: tuple[Fault, ...] = ()
    has_validators: bool = True


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Hold what a server answers from an instant on; ``pages`` are the pieces that a reader can take from it."""

    at: datetime
    status: int
    headers: Mapping[str, str]
    body: bytes
    pages: Mapping[int, str]


@dataclass
class _Change:
    at: datetime
    what: str
    entry: Entry


class Script:
    """Hold all states of one feed, and count what went wrong in it."""

    def __init__(self, profile: Profile, pieces: Sequence[Piece], newsroom: Newsroom, *, seed: int) -> None:
        self.profile = profile
        self.counts: Counter[str] = Counter()
        self._chance = random.Random(f"{profile.path} {seed}")
        self._newsroom = newsroom
        self._entries: list[Entry] = []
        self._pending = [change for piece in pieces for change in self._fate(piece)]
        self.snapshots = list(self._written())

    def at(self, now: datetime) -> Snapshot:
        """Return what the server answers now."""
        return max((each for each in self.snapshots if each.at <= now), key=lambda each: each.at)

    def _fate(self, piece: Piece, *, is_repost: bool = False) -> list[_Change]:
        """Draw how an item begins and what becomes of it; identity changes once at most."""
        profile, entry = self.profile, self._entry(piece)
        begun = piece.published_at + timedelta(minutes=self._chance.randint(0, 9))
        changes = [_Change(begun, "new", entry)]

        def later(share: float, what: str, hours: tuple[float, float]) -> datetime | None:
            if self._chance.random() >= share:
                return None
            at = begun + self._chance.uniform(*hours) * _HOUR
            changes.append(_Change(at, what, entry))
            return at

        later(profile.title_edits, "title_edit", (0.5, 20))
        later(profile.date_edits, "date_edit", (0.5, 20))
        if entry.guid and not later(profile.new_ids, "new_id", (0.5, 12)):
            later(profile.link_edits, "link_edit", (0.5, 12))
        left_at = later(profile.absences, "leaves", (1, 10))
        if left_at is not None:
            changes.append(_Change(left_at + self._chance.uniform(2, 30) * _HOUR, "comes_back", entry))
        if not is_repost and self._chance.random() < profile.reposts:
            at = (begun + self._chance.uniform(3, 40) * _HOUR).replace(microsecond=0)
            again = self._newsroom.version(piece, piece.site, at, title=piece.title)
            changes += self._fate(again, is_repost=True)
            self.counts["repost"] += 1
        return changes

    def _entry(self, piece: Piece) -> Entry:
        profile = self.profile
        form = self._chance.choices(list(profile.forms), list(profile.forms.values()))[0]
        entry = Entry(
            piece=piece,
            page=piece.url,
            guid="" if self._is("no_guid", profile.no_guid) else f"tag:{piece.site},{piece.number}",
            link=piece.url,
            title="" if self._is("no_title", profile.no_title) else piece.title,
            date=form(piece.published_at),
            has_image=piece.number % 3 == 0,
            is_escaped_twice="&" in piece.title and self._is("escaped_twice", profile.escaped_twice),
        )
        self.counts[f"date_{form.__name__}"] += 1
        self._dress(entry)
        return entry

    def _dress(self, entry: Entry) -> None:
        """Write the link as this feed writes links."""
        profile, page = self.profile, entry.page
        entry.link, entry.original_link = page, ""
        if self._is("no_link", profile.no_link):
            entry.link = ""
        elif self._is("proxy", profile.proxies):
            entry.link = f"https://feeds.feedburner.example/~r/x/~3/{entry.piece.number}/"
            entry.original_link = f"{page}?utm_source=feedburner"
        elif self._is("relative", profile.relative):
            host = page.split("/", 3)
            entry.link = f"//{host[2]}/{host[3]}" if entry.piece.number % 4 == 0 else f"/{host[3]}"
        elif self._is("tracking", profile.tracking):
            entry.link = f"{page.replace('https://', 'http://www.')}/?utm_medium=rss&cmp=feed#top"

    def _is(self, what: str, share: float) -> bool:
        happens = self._chance.random() < share
        self.counts[what] += happens
        return happens

    def _written(self) -> Sequence[Snapshot]:
        """Apply all changes in their order; write a document after each that can be seen."""
        changes = sorted(
            self._pending, key=lambda change: (change.at, change.entry.piece.number, change.what)
        )
        written = []
        for change in changes:
            self.counts[change.what] += 1
            getattr(self, f"_{change.what}")(change.entry, change.at)
            written.append(self._document(change.at))
        usual = [each for each in written if not any(f.at <= each.at < f.until for f in self.profile.faults)]
        return sorted([*usual, *self._faulty(written)], key=lambda each: each.at)

    def _new(self, entry: Entry, _: datetime) -> None:
        self._entries.insert(0, entry)

    def _title_edit(self, entry: Entry, _: datetime) -> None:
        entry.title = f"{entry.title or entry.piece.title} (corrected)"

    def _date_edit(self, entry: Entry, at: datetime) -> None:
        if entry.date:
            entry.date = dates.iso(at) if self.profile.kind == "json" else dates.full(at)

    def _link_edit(self, entry: Entry, _: datetime) -> None:
        entry.page = f"{entry.page}-a-better-address"
        self._dress(entry)

    def _new_id(self, entry: Entry, _: datetime) -> None:
        entry.guid += ";2"

    def _leaves(self, entry: Entry, _: datetime) -> None:
        entry.is_shown = False

    def _comes_back(self, entry: Entry, _: datetime) -> None:
        entry.is_shown = True

    def _document(self, at: datetime) -> Snapshot:
        profile = self.profile
        shown = [entry for entry in self._entries if entry.is_shown][: profile.window]
        if profile.is_shuffled:
            shown.sort(key=lambda entry: sha256(f"{entry.piece.number}".encode()).digest())
        if shown and self._is("double", profile.doubles):
            shown.insert(len(shown) // 2, shown[0])
        text = documents.write(profile.kind, profile.title, profile.home, shown)
        pages = {
            entry.piece.number: entry.page
            for entry in shown
            if entry.link and (entry.title or entry.piece.lead)
        }
        return self._snapshot(at, text, pages)

    def _snapshot(self, at: datetime, text: str, pages: Mapping[int, str]) -> Snapshot:
        profile = self.profile
        body = text.encode(profile.charset, "xmlcharrefreplace")
        headers = {"Content-Type": profile.content_type or documents.content_type(profile.kind)}
        if profile.has_validators:
            headers["ETag"] = f'W/"{sha256(body).hexdigest()[:16]}"'
            headers["Last-Modified"] = format_datetime(at.replace(microsecond=0), usegmt=True)
        return Snapshot(at=at, status=200, headers=headers, body=body, pages=pages)

    def _faulty(self, written: Sequence[Snapshot]) -> list[Snapshot]:
        """Answer with faults, and go back to the feed after each."""
        found = []
        for fault in self.profile.faults:
            before = [each for each in written if each.at <= fault.at]
            after = max((each for each in written if each.at <= fault.until), key=lambda each: each.at)
            found.append(self._fault(fault, before[-1]))
            found.append(_moved(after, fault.until))
        return found

    def _fault(self, fault: Fault, usual: Snapshot) -> Snapshot:
        if fault.status != 200:
            self.counts[f"status_{fault.status}"] += 1
            return Snapshot(at=fault.at, status=fault.status, headers=fault.headers, body=b"", pages={})
        if fault.is_empty:
            self.counts["no_entries"] += 1
            return self._snapshot(
                fault.at, documents.write(self.profile.kind, self.profile.title, self.profile.home, []), {}
            )
        assert fault.cut_to is not None
        self.counts["ill_formed"] += 1
        body = usual.body[: int(len(usual.body) * fault.cut_to)]
        headers = {name: value for name, value in usual.headers.items() if name == "Content-Type"}
        return Snapshot(at=fault.at, status=200, headers=headers, body=body, pages={})


def _moved(snapshot: Snapshot, at: datetime) -> Snapshot:
    return Snapshot(
        at=at, status=snapshot.status, headers=snapshot.headers, body=snapshot.body, pages=snapshot.pages
    )
