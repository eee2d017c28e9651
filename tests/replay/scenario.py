"""Set the stage: three publishers, eight feeds, two newsletters that share one of them."""

from __future__ import annotations

import random  # noqa: TID251 - the seed decides everything
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.replay import dates
from tests.replay.snapshots import Fault, Profile, Script
from tests.replay.world import Newsroom, Piece, moments

BEGIN = datetime(2026, 3, 9, 3, 0, tzinfo=UTC)  # a Monday; the clocks change on the 29th
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
_BEFORE = 4  # days that the feeds hold when they are first read
POST, WIRE, COAST = "post.example.com", "wire.example.net", "coast.example.org"
MOVED_TO = "/coast/feed-2026.xml"


def _day(number: int, hour: float = 0) -> datetime:
    return BEGIN + number * DAY + hour * HOUR


NIGHTS = (_day(5, 20), _day(19, 20))  # when something happens while half of the readers sleep

NEWS = Profile(
    path="/post/news.xml",
    kind="rss",
    title="The Harbour Post",
    home=f"https://{POST}/",
    escaped_twice=0.4,
    tracking=0.5,
    no_guid=0.05,
    faults=(
        Fault(at=_day(2, 4), until=_day(2, 10), cut_to=0.6),
        Fault(at=_day(5, 1), until=_day(5, 7), is_empty=True),
        Fault(at=_day(11, 8), until=_day(11, 15), status=503, headers={"Retry-After": "5400"}),
    ),
)
TOP = Profile(
    path="/post/top.xml",
    kind="rss",
    title="The Harbour Post: what matters",
    home=f"https://{POST}/",
    window=12,
    new_ids=0.26,
    absences=0.15,
    proxies=0.5,
    doubles=0.1,
    is_shuffled=True,
    has_validators=False,
)
BLOG = Profile(
    path="/post/blog.atom",
    kind="atom",
    title="Notes from the quay",
    home=f"https://{POST}/",
    relative=0.6,
    link_edits=0.1,
    date_edits=0.2,
    escaped_twice=0.3,
    forms={dates.iso: 1.0},
)
WIRE_FEED = Profile(
    path="/wire/all.xml",
    kind="rss",
    title="Wire",
    home=f"https://{WIRE}/",
    is_shuffled=True,
    title_edits=0.1,
    reposts=0.06,
    charset="utf-16",
    forms={dates.full: 0.6, dates.two_digits: 0.4},
)
COAST_FEED = Profile(
    path="/coast/feed.xml",
    kind="rss",
    title="Küstenkurier",
    home=f"https://{COAST}/",
    charset="cp1252",
    content_type="text/html; charset=iso-8859-1",
    forms={
        dates.full: 0.5,
        dates.in_words: 0.15,
        dates.unreadable: 0.15,
        dates.missing: 0.15,
        dates.long_ago: 0.05,
    },
    faults=(Fault(at=_day(7, 6), until=_day(7, 13), status=429, headers={"Retry-After": "3600"}),),
)
SPORT = Profile(
    path="/coast/sport.json",
    kind="json",
    title="Coast sport",
    home=f"https://{COAST}/",
    no_title=0.2,
    no_link=0.08,
    forms={dates.iso: 0.6, dates.iso_without_zone: 0.3, dates.missing: 0.1},
)
BURSTS = Profile(
    path="/wire/alerts.xml",
    kind="rss",
    title="Wire alerts",
    home=f"https://{WIRE}/",
    window=6,
    forms={dates.full: 0.7, dates.soon: 0.2, dates.far: 0.1},
)
GONE = Profile(
    path="/post/old.xml",
    kind="rss",
    title="The old Post",
    home=f"https://{POST}/",
    faults=(Fault(at=_day(6, 4), until=_day(400), status=410),),
)
MOVING = Fault(at=_day(10), until=_day(400), status=301, headers={"Location": MOVED_TO})


@dataclass(frozen=True)
class Stage:
    """Hold all scripts by path, and what there is to know about what they tell."""

    scripts: dict[str, Script]
    newsroom: Newsroom
    pushed: tuple[Piece, ...]  # by the website itself, in no feed
    breaking: tuple[Piece, ...]  # likewise, when it happens

    @property
    def counts(self) -> Counter[str]:
        """Return how often each misbehaviour happens in all feeds."""
        return sum((script.counts for script in self.scripts.values()), Counter())


def daily_paths() -> list[str]:
    """Return the feeds of the newsletter that comes every day."""
    return [each.path for each in (NEWS, TOP, BLOG, WIRE_FEED, COAST_FEED, BURSTS, GONE)]


def coast_paths() -> list[str]:
    """Return the feeds of the other newsletter; it shares one."""
    return [COAST_FEED.path, SPORT.path]


def stage(seed: int, *, days: int) -> Stage:
    """Write everything that happens."""
    newsroom, chance = Newsroom(seed), random.Random(f"stage {seed}")
    first, span = BEGIN - _BEFORE * DAY, days + _BEFORE

    def some(site: str, a_day: float, folder: str = "news") -> list[Piece]:
        return [newsroom.write(site, at, folder=folder) for at in moments(chance, first, span, a_day=a_day)]

    news, blog, coast = some(POST, 3.5), some(POST, 0.7, "blog"), some(COAST, 2.5)
    sport, old = some(COAST, 1.0, "sport"), some(POST, 0.5, "old")
    top = [piece for piece in news if chance.random() < 0.4]
    wire = some(WIRE, 0.8, "wire") + _versions(news, newsroom, chance)
    alerts = some(WIRE, 0.4, "alert") + _bursts(newsroom, days)
    told = (
        (NEWS, news),
        (TOP, top),
        (BLOG, blog),
        (WIRE_FEED, wire),
        (COAST_FEED, coast),
        (SPORT, sport),
        (BURSTS, alerts),
        (GONE, old),
    )
    scripts = {profile.path: Script(profile, pieces, newsroom, seed=seed) for profile, pieces in told}
    pushed = tuple(newsroom.write(POST, _day(4, 7 + place), folder="pushed") for place in range(4))
    breaking = tuple(newsroom.write(POST, at, folder="breaking") for at in NIGHTS)
    return Stage(scripts, newsroom, pushed, breaking)


def _versions(news: Sequence[Piece], newsroom: Newsroom, chance: random.Random) -> list[Piece]:
    """Let the agency have a third of the stories too, some hours before or after."""
    return [
        newsroom.version(piece, WIRE, piece.published_at + timedelta(minutes=chance.randint(-200, 900)))
        for piece in news
        if chance.random() < 0.33
    ]


def _bursts(newsroom: Newsroom, days: int) -> list[Piece]:
    """Publish more within an hour than the feed's window holds."""
    starts = [_day(number, 9) for number in (4, 13, 20) if number < days]
    return [
        newsroom.write(WIRE, start + timedelta(minutes=4 * place), folder="alert")
        for start in starts
        for place in range(10)
    ]
