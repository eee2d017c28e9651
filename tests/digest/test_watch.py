"""The dead-man's switch: what went wrong in silence is told once, by log and mail, and is over when it is."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from newsletter.digest import build, watch
from newsletter.digest import newsletters as setup
from newsletter.domain.editors import Role
from newsletter.domain.issues import IssueStatus, SkipReason
from newsletter.domain.mailings import MailingStatus
from newsletter.rendering.environment import Environment
from newsletter.runtime import paths
from newsletter.store import Database, Session, alerts, editors, issues, mailings, newsletters
from newsletter.store.tables import AuditEvent, Issue, Notice, Schedule
from tests.builders import add_article, add_newsletter, add_reader
from tests.clocks import NOON

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def look(database: Database, now: datetime = NOON, address: str = "ops@post.example.com") -> list[str]:
    watch.look(database.transaction, alert_address=address, now=now)
    with database.reading() as session:
        return sorted(f"{each.code} {each.subject}" for each in alerts.listing(session))


def mails(database: Database) -> list[tuple[str | None, list[str]]]:
    with database.reading() as session:
        rows = session.scalars(select(Notice).order_by(Notice.id))
        return [(row.address, [each["code"] for each in row.payload["alerts"]]) for row in rows]


def add_issue(session: Session, *, slot_at: datetime, **over: object) -> Issue:
    newsletter = newsletters.by_slug(session, "daily")
    schedule = session.scalars(select(Schedule)).first() or setup.add_schedule(
        session, newsletter, cron="0 12 * * *", zone="UTC", now=NOON
    )
    issue = issues.add(
        session,
        newsletter.id,
        since=NOON - timedelta(days=1),
        cut_off_at=slot_at,
        now=slot_at,
        schedule_id=schedule.id,
        slot_at=slot_at,
    )
    assert issue is not None
    for name, value in over.items():
        setattr(issue, name, value)
    session.flush()
    return issue


def test_an_issue_that_did_not_go_is_told_once_and_over_when_it_goes(database: Database) -> None:
    with database.transaction() as session:
        add_newsletter(session)
        issue_id = add_issue(session, slot_at=NOON).id

    early = look(database, NOON + 29 * MINUTE)
    told = look(database, NOON + 30 * MINUTE)
    again = look(database, NOON + 31 * MINUTE)
    with database.transaction() as session:
        issues.move(session, issue_id, IssueStatus.BUILT)
        issues.move(session, issue_id, IssueStatus.MAILED)
    over = look(database, NOON + 33 * MINUTE)

    assert (early, told, over) == ([], ["issue_missing daily 2026-11-24 12:00 UTC"], [])
    assert again == told
    assert mails(database) == [("ops@post.example.com", ["issue_missing"])]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"status": IssueStatus.SKIPPED, "reason": SkipReason.HOLIDAY}, []),
        ({"status": IssueStatus.SKIPPED, "reason": SkipReason.VETOED}, []),
        ({"status": IssueStatus.SKIPPED, "reason": SkipReason.NO_READERS}, []),
        ({"status": IssueStatus.CANCELLED}, []),
        ({"status": IssueStatus.HELD}, []),
        ({"is_held": True}, []),
        (
            {"status": IssueStatus.SKIPPED, "reason": SkipReason.TOO_LATE},
            ["issue_missing daily 2026-11-24 12:00 UTC"],
        ),
        ({"status": IssueStatus.SKIPPED, "reason": SkipReason.TOO_FEW_ARTICLES}, []),  # told by the build
        (
            {"fault": "card.html, line 3: no such thing"},
            ["issue_missing daily 2026-11-24 12:00 UTC", "template_fault daily 1"],
        ),
    ],
)
def test_what_somebody_wanted_is_no_alarm(
    sqlite_url: str, values: dict[str, object], told: list[str]
) -> None:
    database = Database(sqlite_url)
    with database.transaction() as session:
        add_newsletter(session)
        add_issue(session, slot_at=NOON, **values)

    assert look(database, NOON + HOUR) == told
    with database.transaction() as session:  # who has seen to what is past is not told again
        for alert in alerts.listing(session):
            alerts.resolve_by_id(session, alert.id, now=NOON + HOUR)
    later = look(database, NOON + HOUR + MINUTE)
    assert later == ([] if "status" in values else told)
    database.dispose()


def test_a_slot_that_nobody_planned_and_a_time_in_which_nothing_ran_are_told(database: Database) -> None:
    with database.transaction() as session:
        newsletter = add_newsletter(session)
        setup.add_schedule(session, newsletter, cron="0 12 * * *", zone="UTC", now=NOON - HOUR)
        quiet = add_newsletter(session, slug="quiet")
        quiet.rules = "schedule:\n  holidays: [2026-11-24]\n"
        setup.add_schedule(session, quiet, cron="0 12 * * *", zone="UTC", now=NOON - HOUR)

    assert look(database, NOON - MINUTE) == []
    assert look(database, NOON + 40 * MINUTE) == [
        "issue_missing daily 2026-11-24 12:00 UTC",
        "service_stopped 2026-11-24 11:59 UTC",
    ]


def test_a_mailing_that_does_not_move_is_told(database: Database) -> None:
    with database.transaction() as session:
        newsletter = add_newsletter(session)
        add_reader(session, newsletter, "ada@example.com")
        issue = add_issue(session, slot_at=NOON, status=IssueStatus.MAILED)
        mailing = mailings.start(session, issue, highest=1, now=NOON, expires_at=NOON + 24 * HOUR)
        mailings.add_batches(session, mailing.id, {0: [1]}, due_at=NOON)
        mailing_id = mailing.id

    early = look(database, NOON + 14 * MINUTE)
    told = look(database, NOON + 16 * MINUTE)
    with database.transaction() as session:
        mailings.move(session, mailings.get(session, mailing_id), MailingStatus.PAUSED)
    paused = look(database, NOON + 18 * MINUTE)

    assert (early, told, paused) == ([], ["issue_stuck daily 1"], [])


def test_pictures_that_are_suddenly_gone_are_told(database: Database) -> None:
    with database.transaction() as session:
        add_newsletter(session)
        stories = [{"is_fresh": True, "image_url": "https://a.example/a.jpg"}] * 5
        add_issue(session, slot_at=NOON - 24 * HOUR, status=IssueStatus.MAILED, frozen={"stories": stories})
        bare = [{"is_fresh": True, "image_url": ""}] * 5
        add_issue(session, slot_at=NOON, status=IssueStatus.MAILED, frozen={"stories": bare}, built_at=NOON)

    assert look(database, NOON + MINUTE) == ["images_missing daily"]
    assert look(database, NOON + HOUR) == ["images_missing daily"]


def test_admins_get_one_mail_about_all_of_theirs_and_not_again_for_hours(database: Database) -> None:
    with database.transaction() as session:
        daily = add_newsletter(session)
        add_issue(session, slot_at=NOON, fault="card.html, line 3")
        for name, role, bound in (
            ("ada", Role.ADMIN, []),
            ("bea", Role.SEND, []),
            ("cem", Role.ADMIN, [daily.id + 1]),
        ):
            editors.add(
                session, name=name, address=f"{name}@example.com", role=role, newsletters=bound, now=NOON
            )

    look(database, NOON + HOUR)
    look(database, NOON + 2 * HOUR)
    first = mails(database)
    look(database, NOON + 7 * HOUR)

    assert first == [("ada@example.com", ["issue_missing", "template_fault"])]
    assert len(mails(database)) == 2


def test_headlines_go_out_when_the_template_stays_broken(database: Database, tmp_path: Path) -> None:
    (tmp_path / "email").mkdir()
    source = (paths.templates() / "email" / "story.html").read_text(encoding="utf-8")
    (tmp_path / "email" / "story.html").write_text(source + "{{ nothing.at.all }}", encoding="utf-8")
    broken = Environment(tmp_path)
    with database.transaction() as session:
        daily = add_newsletter(session)
        daily.rules = "desk:\n  fallback: true\n"
        for title in ("Tide barrier opens", "Eels are back"):
            add_article(session, daily, title=title, seen_at=NOON - HOUR)
        issue_id = add_issue(session, slot_at=NOON).id

    stays = build.build(database.transaction, issue_id, environment=broken, now=NOON)
    look(database, NOON + 9 * MINUTE)
    with database.reading() as session:
        early = issues.get(session, issue_id).is_fallback
    look(database, NOON + 10 * MINUTE)
    built = build.build(database.transaction, issue_id, environment=broken, now=NOON + 11 * MINUTE)

    assert (stays, early, built) == (IssueStatus.PLANNED, False, IssueStatus.BUILT)
    with database.reading() as session:
        assert issues.frozen(issues.get(session, issue_id)).is_fallback
        [event] = session.scalars(select(AuditEvent).where(AuditEvent.issue_id == issue_id))
        assert (event.way, event.action) == ("service", "fall_back")


def test_one_of_many_workers_looks(database: Database) -> None:
    with database.transaction() as session:
        add_newsletter(session)
        add_issue(session, slot_at=NOON, fault="card.html, line 3")

    queued = [
        watch.look(database.transaction, alert_address="ops@post.example.com", now=NOON + HOUR)
        for _ in range(3)
    ]

    assert queued == [1, 0, 0]
