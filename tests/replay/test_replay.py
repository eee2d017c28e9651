"""A month of two newsletters: nobody gets anything twice, nothing is lost, everything adds up."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.replay import acts, evidence, invariants
from tests.replay.house import House, house
from tests.services.sink import Sink

_SHOWN = 20


def check(month: House) -> None:
    """Check all invariants and show some of what is against each."""
    found = evidence.collect(month)
    complaints = {
        "nothing twice": invariants.nothing_twice(month, found),
        "nothing lost": invariants.nothing_lost(month, found),
        "adds up": invariants.adds_up(month, found),
        "nothing withdrawn": invariants.nothing_withdrawn(month, found),
        "nothing known": invariants.nothing_known(month, found),
        "in rhythm": invariants.in_rhythm(month, found),
    }
    broken = {name: each for name, each in complaints.items() if each}
    lines = [f"{name}: {len(each)}\n  " + "\n  ".join(each[:_SHOWN]) for name, each in broken.items()]
    assert not broken, "\n".join(lines)


@pytest.mark.xfail(strict=False, reason="the ledger and the reasons of left out articles are being built")
def test_a_month(sqlite_url: str, tmp_path: Path, sink: Sink) -> None:
    with house(sqlite_url, tmp_path / "data", sink, seed=1, days=30, reader_count=150) as month:
        acts.arrange(month)
        month.live(18)
        month.settle()

        check(month)
