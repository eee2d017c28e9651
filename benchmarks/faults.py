"""Mail an issue through a server that fails at every stage, kill senders, Redis and PostgreSQL, and compare accounts.

The processes are those of the Procfile: two sender lines with two children each, beat and worker. Random ones of the
senders get kill -9 at random moments while messages flow; what died is started again. So that the run takes minutes,
the instants of later attempts are moved forward in the database, as if the hours of the retry schedule had gone by.
At the end what the server saw is compared, reader by reader, with the receipt and the rows behind it. The exit code
is 1 when an invariant is broken; each is named, with the readers concerned.

``--hosts`` kills nothing. Two workers run on two hosts made of network namespaces, with clocks that are 7 minutes
ahead and 5 behind; when a quarter of the messages has come, one host is cut off from the database but still reaches
the relay, and comes back when the other one has ended the mailing.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from _setup import Cluster, databases, machine

from newsletter.runtime import logs
from tests.services.accounts import Findings
from tests.services.faults import everywhere
from tests.services.hosts import NoNamespaces, hosts
from tests.services.ordeal import NotOver, Ordeal, Plan
from tests.services.postgres import Postgres
from tests.services.redis_server import RedisServer
from tests.services.two_hosts import joined
from tests.services.witness import Trouble

_RESTARTS_PER_KILL = 0.1  # of Redis, and as many of PostgreSQL
_PARSE_EVERY = 20  # messages, one of which is parsed whole: the rest are checked octet by octet
_PATIENCE = 3600.0  # seconds; a run that takes longer hangs


def main() -> None:
    """Run once and print what came of it."""
    options = _options()
    logs.configure("ERROR")
    say = _silent if options.json else _tell
    if not options.json:
        print(machine())
    with tempfile.TemporaryDirectory(prefix="newsletter-faults-") as name, _place(options.database) as place:
        folder = Path(name)
        url, server = place
        try:
            if options.hosts:
                findings = _on_two_hosts(options, folder, url, server)
            else:
                findings = Ordeal(
                    _plan(options), folder=folder, database_url=url, postgres=server, say=say
                ).run()
        except (NotOver, NoNamespaces) as error:
            sys.exit(str(error))
    if options.json:
        print(json.dumps(findings.as_dict()))
    else:
        _print(findings)
    sys.exit(1 if findings.broken else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=50, help="of sender processes; restarts come on top")
    parser.add_argument(
        "--freezes", type=int, default=0, help="of a sender for longer than its lease: each may cost a window"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--policy", choices=["retry-once", "hold"], default="retry-once")
    parser.add_argument("--database", choices=["postgresql", "sqlite"], default="postgresql")
    parser.add_argument("--chance", type=float, default=0.0005, help="of every fault at every stage")
    parser.add_argument("--hosts", action="store_true", help="lose a host instead of killing processes")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.hosts and options.database == "sqlite":
        parser.error("two hosts need a server: leave --database sqlite out")
    return options


def _plan(options: argparse.Namespace) -> Plan:
    restarts = round(options.kills * _RESTARTS_PER_KILL)
    return Plan(
        messages=options.messages,
        kills=options.kills,
        freezes=options.freezes,
        redis_kills=restarts,
        database_restarts=restarts if options.database == "postgresql" else 0,
        seed=options.seed,
        policy=options.policy,
        chance=options.chance,
        parse_every=_PARSE_EVERY,
        patience=_PATIENCE,
    )


def _on_two_hosts(options: argparse.Namespace, folder: Path, url: str, postgres: Postgres | None) -> Findings:
    """Cut one of two hosts off; return how the accounts compare."""
    if postgres is None:
        sys.exit("Two hosts need a server of their own: unset DATABASE_URL.")
    trouble = Trouble(
        seed=options.seed, chances=everywhere(options.chance), answer=0.005, parse_every=_PARSE_EVERY
    )
    with ExitStack() as stack:
        net = stack.enter_context(hosts("a", "b"))
        redis = RedisServer()
        stack.callback(redis.close)
        two = stack.enter_context(
            joined(
                net,
                postgres=postgres,
                database_url=url,
                redis=redis,
                folder=folder,
                trouble=trouble,
                reader_count=options.messages,
                patience=_PATIENCE,
            )
        )
        two.start_both(options.policy)
        two.lose_the_database_of_a(after=options.messages // 4)
        return two.findings(hosts_lost=1, is_hold=options.policy == "hold")


@contextmanager
def _place(database: str) -> Iterator[tuple[str, Postgres | None]]:
    """Yield the URL of a migrated, empty database and the server that may be restarted."""
    if database == "sqlite":
        with databases() as places:
            yield places["SQLite"](), None
        return
    server = Postgres()
    try:
        yield Cluster(server).new(), server if server.process_id is not None else None
    finally:
        server.close()


def _print(findings: Findings) -> None:
    for name, value in findings.as_dict().items():
        if name not in {"broken", "figures"}:
            print(f"{name:22}{json.dumps(value)}")
    for name, value in findings.figures.items():
        print(f"  {name:20}{value}")
    for rule in findings.broken:
        print(f"BROKEN  {rule}")
    if not findings.broken:
        print("every invariant held")


def _tell(text: str) -> None:
    print(f"  {text}", file=sys.stderr)


def _silent(_text: str) -> None:
    """Keep quiet."""


if __name__ == "__main__":
    main()
