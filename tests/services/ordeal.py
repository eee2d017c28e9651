"""Mail an issue through a faulty server while processes are killed, and compare all accounts afterwards."""

from __future__ import annotations

import json
import random  # noqa: TID251 - which process is killed, and when
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

from newsletter.runtime.clock import SystemClock
from newsletter.store import Database, OperationalError
from tests.services import accounts, audience
from tests.services.accounts import Findings, Limits
from tests.services.audience import Audience
from tests.services.crew import Crew
from tests.services.faults import everywhere
from tests.services.postgres import Postgres
from tests.services.redis_server import RedisServer
from tests.services.witness import FaultyServer, Trouble

_LOOK_SECONDS = 0.02  # between two looks at how many messages have come
_PASS_SECONDS = 1.0  # between two moves of what waits
_EARLIER = timedelta(minutes=15)  # in the past for every clock that differs by minutes
_LEASE_SECONDS = 8.0  # the buckets of a killed process wait so long; a restart takes less
_FREEZE_SECONDS = 1.5 * _LEASE_SECONDS
_FIRST, _LAST = 0.03, 0.85  # of the messages: between these, something is killed
Kind = Literal["process", "freeze", "redis", "database"]
Policy = Literal["retry-once", "hold"]
CLOCK = SystemClock()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Hold what a run shall go through; ``kills`` are those of sender processes, restarts come on top."""

    messages: int
    kills: int
    redis_kills: int = 0
    database_restarts: int = 0
    freezes: int = 0  # of a child for longer than its lease: each may cost a window, as the loss of a host
    outage: float = 0.0  # seconds that the database stays away
    seed: int = 1
    policy: Policy = "retry-once"
    senders: int = 2
    children: int = 2  # of each sender
    connections: int = 5  # of each child
    patience: float = 600.0  # seconds for the whole run
    chance: float = 0.0005  # of every fault at every stage
    answer: float = 0.005  # seconds until the server answers a message, mean
    parse_every: int = 1
    settings: dict[str, str] = field(default_factory=dict)

    def trouble(self) -> Trouble:
        """Return how the server misbehaves."""
        return Trouble(
            seed=self.seed,
            chances=everywhere(self.chance),
            answer=self.answer,
            parse_every=self.parse_every,
        )


class NotOver(AssertionError):
    """Say that a run did not come to its end in time."""


class Ordeal:
    """Hold the parts of one run."""

    def __init__(
        self,
        plan: Plan,
        *,
        folder: Path,
        database_url: str,
        postgres: Postgres | None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """``postgres`` is the server of the database, if it may be restarted; ``say`` hears what happens."""
        self._plan = plan
        self._folder = folder
        self._database_url = database_url
        self._database = Database(database_url)
        self._postgres = postgres
        self._say = say
        self._chance = random.Random(plan.seed)
        self._passed_at = 0.0
        self._restarts: Counter[str] = Counter()  # by what was restarted

    def run(self) -> Findings:
        """Go through everything; raise NotOver when it takes too long."""
        with ExitStack() as stack:
            stack.callback(self._database.dispose)
            people = audience.prepare(self._database, reader_count=self._plan.messages, now=CLOCK.now())
            server = FaultyServer(self._folder, self._plan.trouble())
            stack.callback(server.close)
            redis = RedisServer()
            stack.callback(redis.close)
            crew = Crew(self._folder, self._settings(server.port, redis.url))
            stack.callback(crew.stop)
            crew.start("beat", "worker", *(f"sender.{number}" for number in range(self._plan.senders)))
            started_at = time.monotonic()
            try:
                self._go_through(people, server, redis, crew)
            except NotOver as error:
                raise NotOver(f"{error}\n{crew.logs()}") from None
            seconds = time.monotonic() - started_at
            receipt = json.loads(crew.command("issues", "receipt", str(people.issue_id), "--json"))["receipt"]
            crew.stop()
            findings = accounts.compare(
                accounts.read(self._database, people.mailing_id),
                server.stop(),
                people,
                receipt,
                limits=Limits(
                    connections=self._plan.connections,
                    kills=crew.kill_count,
                    hosts_lost=self._restarts["freezes"],
                ),
                is_hold=self._plan.policy == "hold",
            )
        findings.figures |= {"seconds": round(seconds, 1), "seed": self._plan.seed, **self._restarts}
        return findings

    def _go_through(self, people: Audience, server: FaultyServer, redis: RedisServer, crew: Crew) -> None:
        ends_at = time.monotonic() + self._plan.patience
        due = self._instants()
        while due or not self._is_over(people):
            if time.monotonic() > ends_at:
                raise NotOver(
                    f"not over after {self._plan.patience} s: {self._standing(people, server, due)}"
                )
            if due and server.message_count() >= due[0][0]:
                self._strike(due[0][1], redis, crew) and due.pop(0)
            crew.tend()
            self._pass_time()
            time.sleep(_LOOK_SECONDS)

    def _instants(self) -> list[tuple[int, Kind]]:
        """Return after how many messages what is killed: random moments while messages flow."""
        plan = self._plan
        counts: dict[Kind, int] = {
            "process": plan.kills,
            "freeze": plan.freezes,
            "redis": plan.redis_kills,
            "database": plan.database_restarts if self._postgres else 0,
        }
        kinds = [kind for kind, count in counts.items() for _ in range(count)]
        self._chance.shuffle(kinds)
        low, high = int(plan.messages * _FIRST), int(plan.messages * _LAST)
        return list(zip(sorted(self._chance.randint(low, high) for _ in kinds), kinds, strict=True))

    def _strike(self, kind: Kind, redis: RedisServer, crew: Crew) -> bool:
        """Kill something; False when there was nothing to kill yet."""
        if kind == "process":
            count = crew.kill_one("sender", self._chance)
            self._say(f"killed {count} sender processes")
            return bool(count)
        if kind == "freeze":
            is_frozen = crew.freeze_one("sender", self._chance, seconds=_FREEZE_SECONDS)
            self._restarts["freezes"] += is_frozen
            return is_frozen
        self._say(f"restarting {kind}")
        self._restarts[f"{kind}_restarts"] += 1
        if kind == "redis":
            redis.kill()
            redis.start()
        else:
            assert self._postgres is not None
            self._postgres.kill()
            time.sleep(self._plan.outage)
            self._postgres.start()
        return True

    def _pass_time(self) -> None:
        if time.monotonic() - self._passed_at < _PASS_SECONDS:
            return
        self._passed_at = time.monotonic()
        with suppress(OperationalError), self._database.transaction() as session:
            accounts.let_time_pass(session, past=CLOCK.now() - _EARLIER)

    def _is_over(self, people: Audience) -> bool:
        with suppress(OperationalError), self._database.reading() as session:
            return accounts.is_over(session, people.mailing_id)
        return False

    def _standing(self, people: Audience, server: FaultyServer, due: list[tuple[int, Kind]]) -> str:
        books = accounts.read(self._database, people.mailing_id)
        return f"{len(books.status)} readers have a result, {server.message_count()} messages came, {due} to come"

    def _settings(self, port: int, redis_url: str) -> dict[str, str]:
        plan = self._plan
        return {
            "DATABASE_URL": self._database_url,
            "REDIS_URL": redis_url,
            "SENDER_PROCESSES": str(plan.children),
            "WORKER_PROCESSES": "1",
            "NEWSLETTER_DATA_DIR": str(self._folder / "data"),
            "NEWSLETTER_PUBLIC_URL": "https://news.post.example.com",
            "NEWSLETTER_INBOUND_DOMAIN": "in.post.example.com",
            "NEWSLETTER_RELAY_HOST": "127.0.0.1",
            "NEWSLETTER_RELAY_PORT": str(port),
            "NEWSLETTER_RELAY_TLS": "off",
            "NEWSLETTER_RELAY_TIMEOUT": "3",  # a silent server is left after this
            "NEWSLETTER_RELAYS": f"smtp://127.0.0.1:{port}?tls=off&connections={plan.connections}",
            "NEWSLETTER_TICK_SECONDS": "1",
            "NEWSLETTER_LEASE_SECONDS": str(_LEASE_SECONDS),
            "NEWSLETTER_UNCERTAIN_POLICY": plan.policy,
            **plan.settings,
        }
