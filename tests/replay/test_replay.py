"""A month of two newsletters: nobody gets anything twice, nothing is lost, everything adds up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select

from newsletter.store.tables import Source
from tests.replay import desk_invariants, invariants
from tests.replay.conftest import SHORT, Month, digests, live
from tests.replay.scenario import BURSTS, COAST_FEED, GONE, MOVED_TO, NEWS
from tests.services.sink import Sink

_SHOWN = 20


def show(complaints: Sequence[str]) -> str:
    """Return some of the complaints, for people."""
    return "\n".join([f"{len(complaints)} complaints", *complaints[:_SHOWN]])


def test_no_reader_gets_an_address_a_page_or_a_story_twice(month: Month) -> None:
    found = invariants.nothing_twice(month.house, month.evidence)

    assert not found, show(found)
    assert len(month.evidence.told) > 1_400


def test_every_article_that_a_feed_showed_is_a_candidate_or_left_out_with_a_reason(month: Month) -> None:
    found = invariants.nothing_lost(month.house, month.evidence)

    assert not found, show(found)
    assert sum(map(len, month.house.served.values())) > 350


def test_what_went_wrong_with_the_feeds_is_on_record_and_a_feed_that_moved_is_followed(month: Month) -> None:
    assert {
        (NEWS.path, "server_error"),
        (COAST_FEED.path, "throttled"),
        (GONE.path, "gone"),
    } <= month.house.faults
    with month.house.database.reading() as session:
        rows = session.scalars(select(Source)).all()
        addresses = {row.url for row in rows}
        assert month.house.site.url(MOVED_TO) in addresses
        assert month.house.site.url(COAST_FEED.path) not in addresses
        assert any(row.lost_count for row in rows if row.url == month.house.site.url(BURSTS.path))


def test_every_receipt_adds_up_with_what_came(month: Month) -> None:
    found = invariants.adds_up(month.house, month.evidence)

    assert not found, show(found)


def test_every_reader_gets_the_daily_in_the_rhythm_of_the_cadence(month: Month) -> None:
    found = invariants.in_rhythm(month.house, month.evidence)

    assert not found, show(found)


def test_who_reads_everything_is_told_everything(month: Month) -> None:
    found = invariants.everything_told(month.house, month.evidence)

    assert not found, show(found)


def test_who_chose_an_hour_gets_the_digest_at_that_hour(month: Month) -> None:
    found = invariants.at_their_hour(month.house, month.evidence)

    assert not found, show(found)


def test_nobody_is_told_what_was_retracted_before(month: Month) -> None:
    found = invariants.nothing_withdrawn(month.house, month.evidence)

    assert not found, show(found)


def test_who_signs_up_from_an_article_gets_a_digest_without_it(month: Month) -> None:
    found = invariants.nothing_known(month.house, month.evidence)

    assert not found, show(found)


def test_each_tested_subject_goes_to_its_sample_and_the_rest_gets_the_winner(month: Month) -> None:
    found = desk_invariants.subjects_tried(month.house, month.evidence)

    assert not found, show(found)


def test_breaking_news_comes_at_once_and_only_flash_wakes_readers(month: Month) -> None:
    found = desk_invariants.breaking_at_once(month.house, month.evidence)

    assert not found, show(found)


def test_issues_are_what_editors_made_of_them(month: Month) -> None:
    found = desk_invariants.arranged(month.house, month.evidence)

    assert not found, show(found)


def test_what_is_retracted_while_an_issue_goes_out_is_told_to_nobody_any_more(month: Month) -> None:
    found = desk_invariants.retracted_under_way(month.house, month.evidence)

    assert not found, show(found)


def test_a_second_run_on_the_other_database_gives_the_same_bytes(
    month: Month, postgres_url: str, tmp_path: Path, sink: Sink
) -> None:
    for second in live(postgres_url, tmp_path / "data", sink, days=SHORT):
        again = digests(second)

    assert again == digests(month.house)
