"""Check that domains come to their destinations by what a real name server answers."""

from __future__ import annotations

from datetime import timedelta

from newsletter.sending import resolving
from newsletter.sending.resolving import Resolved
from newsletter.sending.sweep import find_due
from newsletter.store import Database, domains, subscribers
from tests.clocks import NOON
from tests.services import nameserver

DAY = timedelta(days=1)
SERVERS = {
    "firm.example": ["10 aspmx.l.google.com.", "20 mx.firm.example."],
    "school.example": ["5 mx1.mail.school.example."],
    "own.example": [],
    "null.example": ["0 ."],
    "www.example.org": [],
}


def groups(database: Database) -> dict[str, str]:
    with database.transaction() as session:
        ids = subscribers.domain_ids(session, [*SERVERS, "gone.example"])
        found = domains.groups_of(session, ids.values())
    return {name: found[number] for name, number in ids.items()}


def test_domains_come_to_the_groups_of_their_mail_servers(database: Database) -> None:
    groups(database)

    with nameserver.serving({}, mail_servers=SERVERS) as server:
        resolved = resolving.resolve_some(database.transaction, limit=50, now=NOON, server=server)
        again = resolving.resolve_some(database.transaction, limit=50, now=NOON, server=server)

    assert resolved == Resolved(6, 4)
    assert again == Resolved(0, 0)
    assert groups(database) == {
        "firm.example": "google",
        "school.example": "mail.school.example",
        "own.example": "own.example",
        "www.example.org": "www.example.org",
        "null.example": "null.example",
        "gone.example": "gone.example",
    }


def test_what_could_not_be_found_is_asked_for_again_after_a_day(database: Database) -> None:
    groups(database)
    with nameserver.serving({}, failing=True) as server:
        failed = resolving.resolve_some(database.transaction, limit=50, now=NOON, server=server)

    with nameserver.serving({}, mail_servers=SERVERS) as server:
        soon = resolving.resolve_some(database.transaction, limit=50, now=NOON + DAY / 2, server=server)
        later = resolving.resolve_some(database.transaction, limit=2, now=NOON + 2 * DAY, server=server)

    assert (failed, soon) == (Resolved(6, 0), Resolved(0, 0))
    assert later.asked_count == 2


def test_the_sweep_rings_while_a_domain_is_unknown(database: Database) -> None:
    def rings() -> list[str]:
        with database.reading() as session:
            return [task for task, _ in find_due(session, now=NOON).rings]

    before = rings()
    groups(database)
    unknown = rings()
    with nameserver.serving({}, mail_servers=SERVERS) as server:
        resolving.resolve_some(database.transaction, now=NOON, server=server)

    assert (before, unknown, rings()) == ([], ["newsletter.resolve"], [])
