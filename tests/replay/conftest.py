"""Live through the month once for all tests that look at it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from tests.replay import acts, editors, evidence
from tests.replay.evidence import Evidence
from tests.replay.house import House, house
from tests.replay.scenario import BEGIN
from tests.services.sink import Sink

SEED = 1
DAYS = 30
READERS = 80
SHORT = 5  # days of the second run


@dataclass(frozen=True)
class Month:
    """Hold a house after its month, with what came out of it."""

    house: House
    evidence: Evidence


def live(database_url: str, folder: Path, sink: Sink, *, days: int) -> Iterator[House]:
    """Live through some days of the month."""
    with house(database_url, folder, sink, seed=SEED, days=DAYS, reader_count=READERS) as found:
        acts.arrange(found)
        editors.arrange(found)
        found.live(days)
        yield found


@pytest.fixture(scope="module")
def month(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    """Live through the whole month, and let everything come to its end."""
    folder = tmp_path_factory.mktemp("month")
    shutil.copy(sqlite_template, folder / "newsletter.db")
    sink = Sink()
    sink.start()
    for found in live(f"sqlite:///{folder / 'newsletter.db'}", folder / "data", sink, days=DAYS):
        found.settle()
        yield Month(found, evidence.collect(found))
    sink.stop()


def digests(found: House) -> list[tuple[str, str, str]]:
    """Return what came in the first days: when, to whom, and the digest of its octets."""
    end = BEGIN + timedelta(days=SHORT)
    return sorted(
        (f"{arrival.at}", arrival.received.rcpt_to, sha256(arrival.received.message).hexdigest())
        for arrival in found.arrivals
        if arrival.at <= end
    )
