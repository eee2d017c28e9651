"""Read what deciding needs to know of planned readers: who they are now, and what they have had."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple  # parameters are of any type

from sqlalchemy.orm import Session

from newsletter.domain import suppressions
from newsletter.domain.subscriptions import Cadence
from newsletter.store import driver

# From which mean distance between readers on they are looked up one by one, in SQLite and in PostgreSQL. PostgreSQL
# plans a range anew for each window, which takes as long as reading it, and one plan does for all lists. Of earlier
# mailings the others' rows in a range would be read, joined and thrown away.
_SPARSE_READERS = {True: 4.0, False: 0.0}
_SPARSE_HISTORY = {True: 32.0, False: 3.0}
_CADENCES = {cadence.value: cadence for cadence in Cadence}

# Everything about a reader is looked up by the reader, and the readers stand in every condition: so a planner without
# statistics, as after an import or a restore, reads these rows alone.
_READERS = """
SELECT s.id, s.address, s.name, s.domain_id, coalesce(u.status = 'active', false),
  (SELECT p.id FROM suppressions p WHERE p.address_key = s.address_key AND p.scope IN ('bulk', :scope)
    AND p.pending IS NULL AND p.lifted_at IS NULL AND (p.expires_at IS NULL OR p.expires_at > :now)
    LIMIT 1) IS NOT NULL,
  coalesce(u.topics, 0), u.cadence, s.zone, u.hour, coalesce(u.snoozed_until > :now, false), s.language,
  CASE WHEN u.signup_article IS NOT NULL THEN (
    SELECT a.number FROM article_keys k JOIN articles a ON a.id = k.article_id
    WHERE k.kind = 'url' AND k.value = u.signup_article) END
FROM subscribers s LEFT JOIN subscriptions u
  ON u.subscriber_id = s.id AND u.newsletter_id = :newsletter AND u.subscriber_id {among}
WHERE s.id {among}
"""
# The statuses are those of HAD, told to the planner.
_HAD = """
SELECT mailing_id, array_agg(subscriber_id), array_agg(picks) FROM messages
WHERE mailing_id = ANY(CAST(:mailings AS int[])) AND subscriber_id {among} AND status IN (0, 1, 2)
GROUP BY mailing_id ORDER BY array_position(CAST(:mailings AS int[]), mailing_id)
"""
_HAD_ON_SQLITE = """
SELECT subscriber_id, picks FROM messages
WHERE mailing_id = :mailing AND subscriber_id {among} AND status IN (0, 1, 2)
"""
_OF_LATE = """
SELECT subscriber_id FROM messages
WHERE mailing_id = :mailing AND subscriber_id {among} AND status IN (0, 1, 2) AND at >= :since
"""


class Reader(NamedTuple):
    """Hold what deciding needs to know of one planned reader, as it is now.

    ``address`` is None when the reader was erased. ``signup_number`` is the number of the article that the reader
    signed up from. ``zone``, ``hour`` and ``language`` are None where the reader named none.
    """

    subscriber_id: int
    address: str | None
    name: str
    domain_id: int | None
    is_active: bool
    is_suppressed: bool
    topics: int
    cadence: Cadence
    signup_number: int | None
    zone: str | None = None
    hour: int | None = None
    is_snoozed: bool = False
    language: str | None = None


def find(
    session: Session, newsletter_id: int, subscriber_ids: Collection[int], *, now: datetime
) -> dict[int, Reader]:
    """Return readers by id, each with the subscription to one newsletter; more than asked for may come along."""
    if not subscriber_ids:
        return {}
    is_sqlite = driver.is_sqlite(session)
    among, values = _among(subscriber_ids, sparse=_SPARSE_READERS, is_sqlite=is_sqlite)
    values |= {
        "newsletter": newsletter_id,
        "scope": suppressions.scope_of_newsletter(newsletter_id),
        "now": driver.instant(now, is_sqlite=is_sqlite),
    }
    with driver.cursor(session) as cursor:
        cursor.execute(_spelled(_READERS, among, is_sqlite=is_sqlite), values)
        rows = cursor.fetchall()
    every_issue = Cadence.EVERY_ISSUE  # of a reader without a subscription
    return {
        reader: Reader(
            reader,
            address,
            name,
            domain,
            active,
            suppressed,
            topics,
            _CADENCES.get(word, every_issue),
            signup,
            zone,
            hour,
            snoozed,
            language,
        )
        for (
            reader,
            address,
            name,
            domain,
            active,
            suppressed,
            topics,
            word,
            zone,
            hour,
            snoozed,
            language,
            signup,
        ) in rows
    }


def had(
    session: Session, mailing_ids: Sequence[int], subscriber_ids: Collection[int]
) -> Iterator[tuple[int, Iterable[tuple[int, bytes]]]]:
    """Yield, mailing by mailing in the given order, the readers who had it, or may have had it, with their picks.

    Mailings that nobody had may be left out; readers who were not asked for may come along. What is yielded must be
    taken before the next is asked for.
    """
    if not mailing_ids or not subscriber_ids:
        return
    is_sqlite = driver.is_sqlite(session)
    among, values = _among(subscriber_ids, sparse=_SPARSE_HISTORY, is_sqlite=is_sqlite)
    statement = _spelled(_HAD_ON_SQLITE if is_sqlite else _HAD, among, is_sqlite=is_sqlite)
    with driver.cursor(session) as cursor:
        if is_sqlite:
            for mailing_id in mailing_ids:
                yield mailing_id, cursor.execute(statement, values | {"mailing": mailing_id})
            return
        cursor.execute(statement, values | {"mailings": driver.numbers(mailing_ids, is_sqlite=False)})
        for mailing_id, ids, picks in cursor:
            yield mailing_id, zip(ids, picks, strict=True)


def mails_of_late(
    session: Session, since: Mapping[int, int], subscriber_ids: Collection[int]
) -> dict[int, int]:
    """Count the mails that readers got, or may have got, of some mailings; who got none may be missing.

    ``since`` says of each mailing from which second after its start on they count.
    """
    if not since or not subscriber_ids:
        return {}
    is_sqlite = driver.is_sqlite(session)
    among, values = _among(subscriber_ids, sparse=_SPARSE_HISTORY, is_sqlite=is_sqlite)
    counts: dict[int, int] = {}
    statement = _spelled(_OF_LATE, among, is_sqlite=is_sqlite)
    with driver.cursor(session) as cursor:
        for mailing_id, second in since.items():
            cursor.execute(statement, values | {"mailing": mailing_id, "since": second})
            for (reader,) in cursor:
                counts[reader] = counts.get(reader, 0) + 1
    return counts


def _among(
    subscriber_ids: Collection[int], *, sparse: Mapping[bool, float], is_sqlite: bool
) -> tuple[str, dict[str, Any]]:
    """Return a condition and its values: a range when most ids of it are wanted, else a list."""
    low, high = min(subscriber_ids), max(subscriber_ids)
    if high - low < sparse[is_sqlite] * len(subscriber_ids):
        return "BETWEEN :low AND :high", {"low": low, "high": high}
    listed = "IN (SELECT value FROM json_each(:ids))" if is_sqlite else "= ANY(CAST(:ids AS bigint[]))"
    return listed, {"ids": driver.numbers(subscriber_ids, is_sqlite=is_sqlite)}


@lru_cache
def _spelled(statement: str, among: str, *, is_sqlite: bool) -> str:
    return driver.spelled(statement.format(among=among), is_sqlite=is_sqlite)
