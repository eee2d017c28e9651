"""Make up what happens in a month and what publishers write about it: the truth that everything is measured by."""

from __future__ import annotations

import random  # noqa: TID251 - the seed decides everything
from dataclasses import dataclass
from datetime import datetime, timedelta

SECTIONS = ("Politics", "Culture", "Sport", "Science", "Business", "Local")
_ONSETS = "b br d dr f fl g gr h j k kl l m n p pr r s sk st t tr v w z".split()
_VOWELS = "a e i o u au ei oo ö é".split()
_ENDS = "n r l s t nd rt m ck".split()
_ACTS = (
    "reopens wins loses sells rejects builds finds closes defends delays repairs joins leaves paints".split()
)
_THINGS = (
    "bridge harbour museum budget ferry orchestra stadium lighthouse market school archive railway".split()
)


@dataclass(frozen=True)
class Piece:
    """Hold one page of a website. Pieces of one ``event`` with ``is_version`` are near copies of each other."""

    number: int
    event: int
    site: str
    path: str
    title: str
    lead: str
    section: str
    author: str
    published_at: datetime
    is_version: bool = False

    @property
    def url(self) -> str:
        """Return the address of the page as a browser shows it."""
        return f"https://{self.site}{self.path}"


class Newsroom:
    """Write pieces, each about something new or, as a version, about what another piece tells."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(f"newsroom {seed}")
        self._names: set[str] = set()
        self.pieces: list[Piece] = []
        self._event_count = 0

    def write(self, site: str, at: datetime, *, folder: str = "news") -> Piece:
        """Write about a new event."""
        chance, self._event_count = self._chance, self._event_count + 1
        who, where, rival = self._name(), self._name(), self._name()
        title = f"{who} {chance.choice(_ACTS)} the {where} {chance.choice(_THINGS)}"
        if chance.random() < 0.3:
            title += f" & “{rival}” objects"
        lead = (
            f"{who} of {where} said on {at:%A} that {rival} had {self._name().lower()} reasons; "
            f"the {chance.choice(_THINGS)} of {self._name()} follows in {chance.randint(2, 90)} days."
        )
        return self._add(
            self._event_count, site, folder, title, lead, chance.choice(SECTIONS), at, is_version=False
        )

    def version(self, of: Piece, site: str, at: datetime, *, title: str | None = None) -> Piece:
        """Write the same again, as agencies and updates do: a word of the title and the end of the lead differ."""
        again = title or f"{of.title} – update"
        return self._add(
            of.event, site, "wire", again, f"{of.lead} More follows.", of.section, at, is_version=True
        )

    def _add(
        self,
        event: int,
        site: str,
        folder: str,
        title: str,
        lead: str,
        section: str,
        at: datetime,
        *,
        is_version: bool,
    ) -> Piece:
        number = len(self.pieces) + 1
        author = " ".join(
            map(self._chance.choice, (("Ada", "Ben", "Cleo", "Dov"), ("Fischer", "Gray", "Ito")))
        )
        path = f"/{folder}/{at:%Y/%m}/{number}"
        piece = Piece(number, event, site, path, title, lead, section, author, at, is_version)
        self.pieces.append(piece)
        return piece

    def _name(self) -> str:
        """Return a name that no other event has, so that only versions are alike."""
        while True:
            parts = [
                self._chance.choice(_ONSETS) + self._chance.choice(_VOWELS) + self._chance.choice(_ENDS)
                for _ in range(2)
            ]
            name = "".join(parts).capitalize()
            if name not in self._names:
                self._names.add(name)
                return name


def moments(chance: random.Random, begin: datetime, days: int, *, a_day: float) -> list[datetime]:
    """Return when a newsroom publishes: by day, less at weekends, at whole minutes."""
    found = []
    for day in range(days):
        start = begin + timedelta(days=day)
        wanted = a_day * (0.5 if start.weekday() >= 5 else 1.0)
        count = int(wanted) + (chance.random() < wanted % 1)
        minutes = sorted(min(1439, max(0, int(chance.gauss(11 * 60, 240)))) for _ in range(count))
        found += [start + timedelta(minutes=minute) for minute in minutes]
    return found
