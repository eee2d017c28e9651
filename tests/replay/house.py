"""Run a publisher's house through simulated days: feeds over HTTP, mail over SMTP, and a clock that is told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from newsletter.digest import newsletters as founding
from newsletter.ingest import sources
from newsletter.runtime.settings import Settings
from newsletter.store import Database, Session, newsletters
from newsletter.store.tables import Schedule, SigningKey, Source
from newsletter.wiring import App
from tests.builders import add_newsletter
from tests.clocks import FixedClock
from tests.feeds.http_server import Answer, Website, website
from tests.replay import scenario
from tests.replay.readers import Reader, settle
from tests.replay.scenario import BEGIN, COAST_FEED, DAY, MOVED_TO, MOVING, Stage
from tests.replay.shift import Shift, on_duty
from tests.replay.snapshots import Snapshot
from tests.replay.world import SECTIONS
from tests.services.sink import Received, Sink

STEP = timedelta(hours=3)
# Editors have the step before the cut-off for an issue, and a test of subjects lasts longer than a step.
_RULES = "schedule:\n  lead_minutes: 240\nsubject_test:\n  sample_percent: 50\n  minutes: 240\n"
QUIET_HOURS = "22-6"
Act = Callable[["House"], None]


@dataclass(frozen=True)
class Arrival:
    """Hold a message and the simulated instant at which it came."""

    at: datetime
    received: Received


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Hold what an editor decided, when, about which issue and articles; ``arm`` is the subject that has to win."""

    what: str
    at: datetime
    issue_id: int
    numbers: tuple[int, ...] = ()
    arm: int = 0


@dataclass
class House:
    """Hold everything that a replay works with, and what came of it."""

    database: Database
    service: App
    clock: FixedClock
    site: Website
    sink: Sink
    stage: Stage
    shift: Shift
    readers: list[Reader] = field(default_factory=list)
    slugs: dict[int, str] = field(default_factory=dict)
    arrivals: list[Arrival] = field(default_factory=list)
    served: dict[str, dict[int, set[str]]] = field(default_factory=lambda: defaultdict(dict))
    acts: list[tuple[datetime, Act]] = field(default_factory=list)
    faults: set[tuple[str, str]] = field(
        default_factory=set
    )  # paths, with what was wrong when they were asked
    touched: set[int] = field(default_factory=set)  # readers whose rhythm something has disturbed
    retracted: dict[str, datetime] = field(default_factory=dict)  # pages, with the instant
    signed_up: dict[str, str] = field(default_factory=dict)  # addresses, with the page that they came from
    decisions: list[Decision] = field(default_factory=list)  # of editors

    @property
    def now(self) -> datetime:
        """Return the simulated instant."""
        return self.clock.now()

    def found(self, *, reader_count: int, seed: int) -> None:
        """Set up both newsletters with topics, feeds, times and readers."""
        with self.database.transaction() as session:
            _fix_keys(session)
            daily = add_newsletter(
                session,
                slug="daily",
                name="The Daily",
                zone="Europe/Berlin",
                created_at=BEGIN,
                rules=_RULES,
            )
            coast = add_newsletter(
                session,
                slug="coast",
                name="Coast",
                zone="Europe/Lisbon",
                created_at=BEGIN,
                story_minimum=3,
                story_maximum=8,
            )
            for newsletter, paths, crons in (
                (daily, scenario.daily_paths(), ("0 7 * * *", "0 17 * * 2,4")),
                (coast, scenario.coast_paths(), ("0 8 * * 1,3,5",)),
            ):
                self.slugs[newsletter.id] = newsletter.slug
                for name in SECTIONS:
                    founding.add_topic(session, newsletter, slug=name.lower(), name=name)
                for path in paths:
                    sources.add(session, newsletter, self.site.url(path), interval=2 * STEP, now=BEGIN)
                for cron in crons:
                    founding.add_schedule(session, newsletter, cron=cron, now=BEGIN)
            self.readers = settle(session, daily, coast, count=reader_count, seed=seed, now=BEGIN)

    def live(self, days: int) -> None:
        """Let the time pass, step by step."""
        while self.now < BEGIN + timedelta(days=days):
            self.clock.advance(STEP)
            self._act()
            self._show_feeds()
            self._note_served(self.shift.work)
            self._note_arrivals()

    def add_act(self, at: datetime, act: Act) -> None:
        """Set something down for its time."""
        self.acts.append((at, act))

    def settle(self) -> None:
        """Plan no more issues, and let what is under way come to its end."""
        with self.database.transaction() as session:
            for schedule in session.scalars(select(Schedule)):
                schedule.is_active = False
        self.live((self.now - BEGIN) // DAY + 2)

    def newsletter_id(self, slug: str) -> int:
        """Return a newsletter's id."""
        with self.database.reading() as session:
            return newsletters.by_slug(session, slug).id

    def _act(self) -> None:
        due = sorted((act for act in self.acts if act[0] <= self.now), key=lambda act: act[0])
        self.acts = [act for act in self.acts if act[0] > self.now]
        for _, act in due:
            act(self)

    def _show_feeds(self) -> None:
        for path, script in self.stage.scripts.items():
            shown = script.at(self.now)
            if path == COAST_FEED.path and self.now >= MOVING.at:
                self.site.answers[MOVED_TO] = _answer(shown)
                headers = {"Location": self.site.url(MOVED_TO)}
                self.site.answers[path] = Answer(status=301, headers=headers)
            else:
                self.site.answers[path] = _answer(shown)

    def _note_served(self, work: Callable[[], None]) -> None:
        """Do the work, and note which pieces a source was shown in a document that it could read."""
        before = self._polls()
        self.site.requests.clear()
        work()
        after = self._polls()
        for source_id, (path, newsletter_id, polled_at, is_good) in after.items():
            if polled_at == before.get(source_id, (None,) * 4)[2]:
                continue
            if not is_good:
                self.faults.add((path, self._fault(source_id)))
                continue
            shown = self.stage.scripts[path].at(self.now)
            for number, page in shown.pages.items():
                self.served[self.slugs[newsletter_id]].setdefault(number, set()).add(page)

    def _polls(self) -> dict[int, tuple[str, int, datetime | None, bool]]:
        with self.database.reading() as session:
            rows = session.scalars(select(Source)).all()
            return {
                row.id: (
                    _path(row.url),
                    row.newsletter_id,
                    row.last_poll_at,
                    row.last_success_at is not None and row.last_success_at == row.last_poll_at,
                )
                for row in rows
            }

    def _fault(self, source_id: int) -> str:
        with self.database.reading() as session:
            return session.get_one(Source, source_id).last_error or ""

    def _note_arrivals(self) -> None:
        new = self.sink.messages[len(self.arrivals) :]
        self.arrivals += [Arrival(self.now, received) for received in new]


def _path(url: str) -> str:
    path = "/" + url.split("/", 3)[3]
    return COAST_FEED.path if path == MOVED_TO else path


def _answer(shown: Snapshot) -> Answer:
    return Answer(status=shown.status, headers=dict(shown.headers), body=shown.body)


def _fix_keys(session: Session) -> None:
    """Give the keys secrets that every run has."""
    for key in session.scalars(select(SigningKey)):
        key.secret = f"{key.purpose}".encode().ljust(32, b".")


@contextmanager
def house(
    database_url: str, folder: Path, sink: Sink, *, seed: int, days: int, reader_count: int
) -> Iterator[House]:
    """Open a house at the beginning of its month."""
    clock = FixedClock(BEGIN)
    with website() as site:
        settings = Settings(
            database_url=database_url,
            data_dir=folder,
            public_url="https://news.post.example.com",
            inbound_domain="b.post.example.com",
            relays=(f"smtp://127.0.0.1:{sink.port}?tls=off&connections=4",),
            fetch_allow=frozenset({site.pair}),
            log_level="ERROR",
            quiet_hours=QUIET_HOURS,
        )
        service = App(settings, clock=clock)
        service.holder = "replay"
        with on_duty(service, seed=seed) as shift:
            found = House(
                database=service.database,
                service=service,
                clock=clock,
                site=site,
                sink=sink,
                stage=scenario.stage(seed, days=days + 2),
                shift=shift,
            )
            found.found(reader_count=reader_count, seed=seed)
            try:
                yield found
            finally:
                service.database.dispose()
