"""Senders, Redis and PostgreSQL are killed in the middle of a mailing: every reader is accounted for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.installation import Installation
from tests.services.ordeal import Ordeal, Plan, Policy
from tests.services.ports import wait_until
from tests.services.postgres import Postgres

pytestmark = pytest.mark.end_to_end
READERS = 1500


@pytest.fixture
def killable(request: pytest.FixtureRequest, database_url: str) -> Postgres | None:
    """Return the server of the database; None for SQLite, which has none."""
    if database_url.startswith("sqlite"):
        return None
    found: Postgres = request.getfixturevalue("postgres")
    return found if found.process_id is not None else None


# Both policies and both databases, but not each with each: that is test_faults.py's, without kills.
@pytest.mark.parametrize(
    ("policy", "database_url"), [("retry-once", "postgresql"), ("hold", "sqlite")], indirect=["database_url"]
)
def test_every_reader_is_accounted_for_whatever_is_killed(
    policy: Policy, database_url: str, killable: Postgres | None, tmp_path: Path
) -> None:
    plan = Plan(
        messages=2_000, kills=5, redis_kills=1, database_restarts=1, policy=policy, chance=0.002, patience=300
    )

    findings = Ordeal(plan, folder=tmp_path, database_url=database_url, postgres=killable).run()

    assert findings.broken == [], findings
    assert findings.kills >= plan.kills
    assert findings.receipt["submitted"] > plan.messages * 0.9


def test_workers_that_stand_still_for_longer_than_their_lease_double_nobody_in_silence(
    database_url: str, killable: Postgres | None, tmp_path: Path
) -> None:
    plan = Plan(messages=2_000, kills=1, freezes=2, chance=0.001, answer=0.02, patience=300)

    findings = Ordeal(plan, folder=tmp_path, database_url=database_url, postgres=killable).run()

    assert findings.broken == [], findings


def test_a_database_that_is_back_before_a_lease_runs_out_puts_nobody_in_doubt(
    postgres: Postgres, postgres_url: str, tmp_path: Path
) -> None:
    if postgres.process_id is None:
        pytest.skip("the PostgreSQL of DATABASE_URL is not ours to kill")
    plan = Plan(
        messages=1_000,
        kills=0,
        database_restarts=1,
        outage=8.0,
        children=5,  # more than there are buckets, so that idle ones lie in wait
        chance=0.0,
        answer=0.5,  # so slow that a window is not through when its lease would run out
        settings={"NEWSLETTER_LEASE_SECONDS": "20"},  # a busy machine takes some to find the database again
    )

    findings = Ordeal(plan, folder=tmp_path, database_url=postgres_url, postgres=postgres).run()

    assert findings.broken == [], findings
    assert (findings.uncertain, findings.receipt["submitted"]) == (0, plan.messages)


def mail_slowly(installation: Installation, tmp_path: Path) -> int:
    """Begin a mailing that takes some seconds; return its issue."""
    readers = tmp_path / "readers.csv"
    rows = (f"reader{n}@reader.example,2026-01-01T00:00:00Z,paper form" for n in range(READERS))
    readers.write_text("\n".join(["address,confirmed_at,consent", *rows]))
    installation.command(
        *("newsletters", "add", "daily", "--name", "The Daily", "--from-address", "news@post.example.com"),
        *("--postal-address", "The Harbour Post, 1 Quay Street, Porttown"),
    )
    installation.command("subscribers", "import", "daily", str(readers))
    installation.command("sources", "add", "daily", installation.feeds.feed_urls[0], "--include-existing")
    installation.sink.answer_delay = 0.05
    installation.start_all()
    issue_id: int = installation.told("issues", "plan", "daily")["id"]
    installation.command("issues", "send", str(issue_id))
    return issue_id


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # it is about processes
def test_a_sender_that_is_told_to_stop_leaves_nobody_in_doubt(
    installation: Installation, tmp_path: Path
) -> None:
    issue_id = mail_slowly(installation, tmp_path)
    wait_until(
        lambda: len(installation.sink.messages) > READERS // 5, seconds=120, what="the mailing is under way"
    )

    installation.stop("sender")
    stopped_at = len(installation.sink.messages)
    installation.start("sender")

    receipt = installation.await_receipt(issue_id, seconds=240)
    assert stopped_at < READERS
    assert receipt["submitted"] == len(installation.sink.messages) == READERS


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # it is about processes
def test_children_of_a_main_process_that_was_killed_alone_end_what_they_have_begun(
    installation: Installation, tmp_path: Path
) -> None:
    issue_id = mail_slowly(installation, tmp_path)
    wait_until(
        lambda: len(installation.sink.messages) > READERS // 5, seconds=120, what="the mailing is under way"
    )

    main = installation.processes.pop("sender")
    main.kill()
    main.wait(10)
    installation.start("sender")

    receipt = installation.await_receipt(issue_id, seconds=240)
    assert receipt["submitted"] == len(installation.sink.messages) == READERS
