"""Choose in the plain way: a row for each reader and article, and one statement for everybody."""

from __future__ import annotations

import time
from collections.abc import Iterator

import _fortnight
from _fortnight import DAY_COUNT, FIRST_READER, STORY_MAXIMUM
from _setup import Cluster
from sqlalchemy import text

from newsletter.domain import selection
from newsletter.domain.masks import bits_of
from newsletter.store import Database

_TABLES = """
CREATE TABLE had (reader int, article int, PRIMARY KEY (reader, article));
CREATE TABLE follows (reader int, topic smallint, PRIMARY KEY (reader, topic));
CREATE TABLE candidates (article int PRIMARY KEY, place int);
CREATE TABLE about (article int, topic smallint, PRIMARY KEY (article, topic))
"""
# No top, no share from outside, no maxima of sections, no stories, no reach of cadences: ours does more.
_CHOOSE = """
INSERT INTO had
SELECT reader, article FROM (
  SELECT f.reader, c.article, row_number() OVER (PARTITION BY f.reader ORDER BY c.place) AS nth
  FROM (SELECT DISTINCT f.reader, a.article FROM follows f JOIN about a USING (topic)) f
  JOIN candidates c USING (article)
  WHERE NOT EXISTS (SELECT FROM had h WHERE h.reader = f.reader AND h.article = c.article)
) AS ranked WHERE nth <= :maximum
"""


def measured(cluster: Cluster, reader_count: int) -> dict[str, float]:
    """Fill the tables with the same readers and what they had; choose; return microseconds and octets a reader."""
    database = Database(cluster.new())
    readers = _fortnight.readers(FIRST_READER, reader_count)
    today = _fortnight.issue(DAY_COUNT)
    with database.transaction() as session:
        for statement in _TABLES.split(";"):
            session.execute(text(statement))
        _fortnight.write(session, "had", "reader, article", _had(readers))
        follows = ((r.number, topic) for r in readers for topic in bits_of(r.topics))
        _fortnight.write(session, "follows", "reader, topic", follows)
        places = ((story.number, place) for place, story in enumerate(today.stories))
        _fortnight.write(session, "candidates", "article, place", places)
        about = ((story.number, topic) for story in today.stories for topic in bits_of(story.topics))
        _fortnight.write(session, "about", "article, topic", about)
        session.execute(text("ANALYZE"))
    with database.transaction() as session:
        start, cpu = time.perf_counter(), cluster.cpu()
        session.execute(text(_CHOOSE), {"maximum": STORY_MAXIMUM})
    seconds, cpu = time.perf_counter() - start, cluster.cpu() - cpu
    with database.snapshot() as connection:
        size = connection.execute(text("SELECT pg_total_relation_size('had')")).scalar_one()
    database.dispose()
    return {
        "readers": reader_count,
        "us": seconds / reader_count * 1e6,
        "cpu_us": cpu / reader_count * 1e6,
        "had_bytes": size / reader_count,
    }


def _had(readers: list[_fortnight.Reader]) -> Iterator[tuple[int, int]]:
    for day, rows in enumerate(_fortnight.fortnight(readers, range(DAY_COUNT))):
        highest = _fortnight.highest(day)
        for _, reader, _, _, status, picks in rows:
            if status in _fortnight.HAD:
                for number in selection.decode_picks(picks, highest=highest):
                    yield reader, number
