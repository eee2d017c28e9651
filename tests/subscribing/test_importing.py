"""Check that imports add what is good, name what is bad, and bring nobody back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from io import StringIO

import pytest

from newsletter.domain.consent import ConsentEvidence, ConsentKind
from newsletter.domain.errors import InvalidInput
from newsletter.domain.subscriptions import Cadence, EndReason, SubscriptionStatus
from newsletter.store import Database, consent, newsletters, subscribers, subscriptions, suppressions
from newsletter.subscribing import exporting, importing
from newsletter.subscribing.importing import ImportReport
from tests.builders import add_newsletter, add_reader, add_topic
from tests.clocks import NOON

EVIDENCE = ConsentEvidence(channel="import", form_text="Subscribers of the old system", extra={"by": "desk"})


@pytest.fixture
def daily(database: Database) -> int:
    """Add the daily with two topics."""
    with database.transaction() as session:
        newsletter = add_newsletter(session)
        add_topic(session, newsletter, "sport", number=0)
        add_topic(session, newsletter, "culture", number=1)
        return newsletter.id


def load(database: Database, text: str | Iterable[str], progress: list[int] | None = None) -> ImportReport:
    """Import a file into the daily."""
    return importing.import_csv(
        database.transaction,
        StringIO(text) if isinstance(text, str) else text,
        "daily",
        evidence=EVIDENCE,
        progress=(progress if progress is not None else []).append,
        now=NOON,
    )


def test_good_rows_become_active_readers_with_their_proof(database: Database, daily: int) -> None:
    report = load(
        database,
        "address,name,topics,language,cadence,confirmed_at,consent\n"
        'Ada@Example.com,"Lovelace, Ada",sport,en,weekly,2025-05-31,Yes please\n'
        "bob@example.com,,,,,,\n",
    )

    assert (report.read_count, report.added, report.rejected_count) == (2, 2, 0)
    with database.reading() as session:
        ada, bob = subscribers.search(session)
        assert (ada.address, ada.name, ada.language) == ("Ada@example.com", "Lovelace, Ada", "en")
        subscription = subscriptions.get(session, ada.id, daily)
        assert subscription is not None
        assert (subscription.status, subscription.topics, subscription.cadence) == (
            SubscriptionStatus.ACTIVE,
            1,
            Cadence.WEEKLY,
        )
        assert subscription.confirmed_at == datetime(2025, 5, 31, tzinfo=UTC)
        (event,) = consent.of_subscriber(session, ada.id)
        assert (event.kind, event.newsletters) == (ConsentKind.IMPORTED, [daily])
        assert event.evidence["form_text"] == "Yes please"
        assert event.evidence["extra"]["line"] == 2
        (event,) = consent.of_subscriber(session, bob.id)
        assert event.evidence["form_text"] == "Subscribers of the old system"


def test_bad_rows_are_named_by_line_and_good_ones_go_in(database: Database, daily: int) -> None:
    report = load(
        database,
        "\ufeffE-Mail;Vorname;Nachname;Topics;Status\n"
        "ada@example.com;Ada;Lovelace;sport;subscribed\n"
        "nobody;;;;\n"
        "\n"
        "cy@example.com;https://spam.example;;;\n"
        'dee@example.com;"a\nb";;chess;\n'
        "eve@example.com;;;;unsubscribed\n"
        "postmaster@example.com;;;;\n"
        "flo@example.com;Flo;;;;;surplus\n"
        "gus@example.com;Gus;;;\n",
    )

    assert [(one.line, one.reason) for one in report.rejected] == [
        (3, "address_without_domain"),
        (5, "name_with_link"),
        (7, "unknown_topic"),
        (8, "not_active"),
        (9, "role_address"),
        (10, "too_many_cells"),
    ]
    assert report.added == 2
    assert all("@" not in one.text.replace("name@example.com", "") for one in report.rejected[1:])
    with database.reading() as session:
        assert [reader.name for reader in subscribers.search(session)] == ["Ada Lovelace", "Gus"]


@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1\0", "²"])
def test_an_instant_that_no_clock_shows_is_named_by_line(
    database: Database, daily: int, instant: str
) -> None:
    report = load(database, f"address,confirmed_at\nada@example.com,{instant}\nbo@example.com,\n")

    assert [(row.line, row.reason) for row in report.rejected] == [(2, "bad_time")]
    assert report.added == 1


def test_a_nul_in_any_cell_stops_nothing(database: Database, daily: int) -> None:
    columns = ("name", "topics", "language", "cadence", "status", "consent", "source")
    lines = [f"{column}@example.com" + "," * n + "a\0b" for n, column in enumerate(columns, start=1)]

    report = load(database, "\n".join(["address," + ",".join(columns), "a\0@example.com", *lines]))

    assert (report.added, report.rejected_count) == (3, 5)


def test_nothing_is_imported_twice(database: Database, daily: int) -> None:
    text = "address\nada@example.com\nADA@example.com\nbob@example.com\n"

    first, second = load(database, text), load(database, text)

    assert (first.added, first.already) == (2, 1)
    assert (second.added, second.already) == (0, 3)
    with database.reading() as session:
        for reader in subscribers.search(session):
            assert len(consent.of_subscriber(session, reader.id)) == 1


def test_who_has_left_or_is_suppressed_is_not_brought_back(database: Database, daily: int) -> None:
    load(database, "address\nleft@example.com\n")
    with database.transaction() as session:
        add_reader(session, add_newsletter(session, slug="other"), "known@example.com")
        suppressions.add(session, "bad@example.com", reason="complaint", evidence="", now=NOON)
        (left,) = subscribers.search(session, "left@")
        subscriptions.end(session, left.id, reason=EndReason.UNSUBSCRIBED, now=NOON)

    report = load(database, "address\nknown@example.com\nbad@example.com\nleft@example.com\n")

    assert report.added == 1
    assert [(one.line, one.reason) for one in report.rejected] == [(3, "suppressed"), (4, "has_left")]


def test_a_pending_reader_becomes_active_unless_they_had_left_before(database: Database, daily: int) -> None:
    newsletter_id = daily
    with database.transaction() as session:
        daily_row = newsletters.get(session, newsletter_id)
        pending = SubscriptionStatus.PENDING
        fresh_id = add_reader(session, daily_row, "fresh@example.com", status=pending).id
        back_id = add_reader(session, daily_row, "back@example.com", status=pending, ended_at=NOON).id

    report = load(database, "address\nfresh@example.com\nback@example.com\n")

    assert (report.added, [one.reason for one in report.rejected]) == (1, ["has_left"])
    with database.reading() as session:
        fresh = subscriptions.get(session, fresh_id, daily)
        back = subscriptions.get(session, back_id, daily)
        assert fresh is not None
        assert back is not None
        assert (fresh.status, back.status) == (SubscriptionStatus.ACTIVE, SubscriptionStatus.PENDING)


def test_a_file_without_an_address_column_is_refused(database: Database, daily: int) -> None:
    with pytest.raises(InvalidInput) as refusal:
        load(database, "ada@example.com,Ada\n")

    assert refusal.value.reason == "no_address_column"


def test_progress_is_told_after_each_chunk_and_the_stream_is_read_lazily(
    database: Database, daily: int
) -> None:
    progress: list[int] = []

    def lines() -> Iterator[str]:
        yield "address\n"
        for number in range(4500):
            yield f"reader{number}@example.com\n"

    report = load(database, lines(), progress)

    assert report.added == 4500
    assert progress == [2000, 4000, 4500]


def test_a_broken_row_in_the_middle_stops_nothing(database: Database, daily: int) -> None:
    report = load(database, f"address,name\nada@example.com,Ada\nx,{'y' * 200_000}\nbob@example.com,\n")

    assert report.added == 2
    assert [(one.line, one.reason) for one in report.rejected] == [(3, "broken_row")]


def test_an_export_is_imported_again_as_it_was(database: Database, daily: int) -> None:
    load(
        database,
        "address,name,topics,language,cadence\n"
        "ada@example.com,'=Ada,sport,en,weekly\n"
        "'=formula@example.com,Form,,,\n"
        "gone@example.com,,,,\n",
    )
    with database.transaction() as session:
        (gone,) = subscribers.search(session, "gone@")
        (ada,) = subscribers.search(session, "ada@")
        ada.zone = "Asia/Tokyo"
        subscription = subscriptions.get(session, ada.id, daily)
        assert subscription is not None
        subscription.hour, subscription.snoozed_until = 7, NOON
        subscriptions.end(session, gone.id, reason=EndReason.UNSUBSCRIBED, now=NOON)
        add_topic(session, add_newsletter(session, slug="copy"), "sport", number=4)

    with database.reading() as session:
        exported = list(exporting.export_csv(session, "daily"))
    report = importing.import_csv(
        database.transaction, exported, "copy", evidence=EVIDENCE, progress=lambda _: None, now=NOON
    )

    assert exported[0].startswith("address,name,topics,language,cadence,status")
    assert exported[1].startswith("ada@example.com,'=Ada,sport,en,weekly,active,")
    assert exported[1].endswith(",Asia/Tokyo,7,2026-11-24T12:00:00+00:00\n")
    assert (report.added, [one.reason for one in report.rejected]) == (2, ["not_active"])
    with database.reading() as session:
        again = subscriptions.get(session, ada.id, 2)
    assert again is not None
    assert (again.hour, again.snoozed_until) == (7, NOON)


def test_zone_and_hour_are_read_and_bad_ones_are_named(database: Database, daily: int) -> None:
    report = load(
        database,
        "address,timezone,hour\nada@example.com,Asia/Tokyo,07:00\nben@example.com,Nowhere,\ncem@example.com,,25\n",
    )

    assert [(one.line, one.reason) for one in report.rejected] == [(3, "unknown_zone"), (4, "bad_hour")]
    with database.reading() as session:
        (ada,) = subscribers.search(session, "ada@")
        subscription = subscriptions.get(session, ada.id, daily)
    assert subscription is not None
    assert (ada.zone, subscription.hour) == ("Asia/Tokyo", 7)
