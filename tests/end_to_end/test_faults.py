"""Every fault of a relay at every stage: nobody is lost, and every double was announced."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from newsletter import wiring
from newsletter.reporting import receipts
from newsletter.runtime.clock import SystemClock
from newsletter.runtime.settings import Settings
from newsletter.store import Database
from tests.services import accounts, audience
from tests.services.accounts import Findings, Limits
from tests.services.faults import Chances, Fault, Stage, everywhere
from tests.services.ordeal import Policy
from tests.services.ports import wait_until
from tests.services.witness import FaultyServer, Trouble

pytestmark = pytest.mark.end_to_end
CONNECTIONS = 3
CLOCK = SystemClock()
PATIENCE = 120.0  # seconds until everything must have been tried


def mail(
    database: Database,
    folder: Path,
    chances: Chances,
    *,
    reader_count: int,
    policy: Policy = "retry-once",
    seed: int = 1,
    offers: str = "pipelining",
) -> Findings:
    """Mail an issue until nothing is left to be tried; return how the accounts compare."""
    people = audience.prepare(database, reader_count=reader_count, now=CLOCK.now())
    server = FaultyServer(folder, Trouble(chances=chances, slow=0.1, seed=seed, offers=offers))
    try:
        app = wiring.build(_settings(database, folder, server.port, policy, patience=_patience(chances)))

        def is_over() -> bool:
            app.drain(should_stop=lambda: False)
            with database.transaction() as session:
                accounts.let_time_pass(session, past=CLOCK.now() - timedelta(minutes=1))
            with database.reading() as session:
                return accounts.is_over(session, people.mailing_id)

        wait_until(is_over, seconds=PATIENCE, what="the mailing is over")
        app.database.dispose()
        with database.reading() as session:
            receipt = receipts.receipt(session, people.mailing_id)
        return accounts.compare(
            accounts.read(database, people.mailing_id),
            server.stop(),
            people,
            receipt.as_dict(),
            limits=Limits(connections=CONNECTIONS, kills=0),
            is_hold=policy == "hold",
        )
    finally:
        server.close()


def _patience(chances: Chances) -> float:
    """Return the seconds until a silent relay is left: few where there is silence, else more than a busy machine is."""
    if not any(fault is Fault.SILENCE for _, fault in chances):
        return 20.0
    return 3.0 if len(chances) == 1 else 1.0  # among all faults there are dozens of silences


def _settings(database: Database, folder: Path, port: int, policy: Policy, *, patience: float) -> Settings:
    return Settings(
        data_dir=folder / "data",
        database_url=database.engine.url.render_as_string(hide_password=False),
        redis_url="redis://127.0.0.1:1/0",  # nobody there
        public_url="https://news.post.example.com",
        inbound_domain="in.post.example.com",
        relays=(f"smtp://127.0.0.1:{port}?tls=off&connections={CONNECTIONS}",),
        relay_timeout=patience,
        uncertain_policy=policy,
    )


# What the relay said decides what is written down, not where: each stage and each fault meets both databases, and each
# pair of them one. All together meet both, below.
_PAIRS = [
    (stage, fault, ("sqlite", "postgresql")[(row + column) % 2])
    for row, stage in enumerate(Stage)
    for column, fault in enumerate(Fault)
]


@pytest.mark.parametrize(("stage", "fault", "database_url"), _PAIRS, indirect=["database_url"])
def test_a_fault_at_a_stage_breaks_no_account(
    stage: Stage, fault: Fault, database: Database, tmp_path: Path
) -> None:
    findings = mail(database, tmp_path, {(stage, fault): 0.3}, reader_count=24)

    assert findings.broken == [], findings


@pytest.mark.parametrize("offers", ["pipelining", "plain", "lie"])
@pytest.mark.parametrize("policy", ["retry-once", "hold"])
def test_all_faults_together_break_no_account(
    offers: str, policy: Policy, database: Database, tmp_path: Path
) -> None:
    findings = mail(
        database, tmp_path, everywhere(0.01), reader_count=300, policy=policy, seed=7, offers=offers
    )

    assert findings.broken == [], findings
    assert findings.receipt["submitted"] > 150
