"""The made-up feeds misbehave as 201 real ones do, and always alike."""

from __future__ import annotations

import pytest

from tests.replay.scenario import TOP, Stage, stage


@pytest.fixture(scope="module")
def made() -> Stage:
    return stage(1, days=30)


def test_the_same_seed_gives_the_same_documents(made: Stage) -> None:
    again = stage(1, days=30)

    for path, script in made.scripts.items():
        assert again.scripts[path].snapshots == script.snapshots
    assert stage(2, days=30).scripts[TOP.path].snapshots != made.scripts[TOP.path].snapshots


def test_every_measured_misbehaviour_happens(made: Stage) -> None:
    wanted = (
        "title_edit date_edit link_edit new_id repost double leaves comes_back no_guid no_title no_link"
        " date_two_digits date_in_words date_unreadable date_missing date_soon date_far date_long_ago"
        " ill_formed no_entries escaped_twice relative tracking proxy status_410 status_429 status_503"
    )

    assert [what for what in wanted.split() if not made.counts[what]] == []


def test_identities_change_as_often_as_was_measured(made: Stage) -> None:
    top, counts = made.scripts[TOP.path].counts, made.counts

    assert 0.15 < top["new_id"] / top["new"] < 0.37  # CNN: 26 %
    assert 0.01 < counts["title_edit"] / counts["new"] < 0.06  # 485 of 21,388 items, in 38 of 201 feeds
    assert 0.002 < counts["repost"] / counts["new"] < 0.03  # 154 of 21,388
