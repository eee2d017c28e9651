"""Counting failures looks at failures alone, however many outcomes there are."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import event

from newsletter.store import Database, shares
from tests.clocks import NOON


def test_failures_of_a_time_are_found_by_their_own_index(database: Database) -> None:
    statements: list[tuple[str, object]] = []
    with database.transaction() as session:
        connection = session.connection()
        event.listen(
            connection,
            "before_cursor_execute",
            lambda _c, _cursor, statement, values, *_: statements.append((statement, values)),
        )
        shares.failed_at(session, [1], reason="x", since=NOON - timedelta(hours=1), until=NOON)
        shares.in_trouble(session, 1, category="transit", day=NOON)
        asked = [each for each in statements if "outcomes" in each[0]]
        explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
        if not database.is_sqlite:
            connection.exec_driver_sql(
                "SET enable_seqscan = off"
            )  # an empty table is read whole by preference
        plans = [
            str(connection.exec_driver_sql(f"{explain} {statement}", values).fetchall())  # type: ignore[arg-type]
            for statement, values in asked
        ]

    assert len(plans) == 2
    assert all("ix_outcomes_failed" in plan for plan in plans)
