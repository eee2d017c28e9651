"""Keep what comes in from outside until it is read, say more of outcomes, let suppressions wait for more proof."""

from __future__ import annotations

from typing import Any  # columns of many types in one list

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables; add the columns."""
    is_waiting = sa.text("status = 'waiting'")
    op.create_table(
        "arrivals",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("way", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("recipient", sa.String(length=320), nullable=True),
        sa.Column("sender", sa.String(length=320), nullable=True),
        sa.Column("peer", sa.String(length=45), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("attempt_count", sa.SmallInteger(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("result", sa.String(length=40), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("rest", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_arrivals"),
        sa.UniqueConstraint("key", name="uq_arrivals_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_arrivals_received", "arrivals", ["received_at"])
    op.create_index(
        "ix_arrivals_waiting", "arrivals", ["id"], postgresql_where=is_waiting, sqlite_where=is_waiting
    )
    op.create_table(
        "alerts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=260), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
        sa.UniqueConstraint("code", "subject", name="uq_alerts_code_subject"),
    )
    for column in _of_outcomes():
        op.add_column("outcomes", column)
    is_failed = sa.text("kind IN ('failed', 'bounced', 'expired')")
    op.create_index(
        "ix_outcomes_failed", "outcomes", ["at"], postgresql_where=is_failed, sqlite_where=is_failed
    )
    op.add_column("suppressions", sa.Column("pending", sa.String(length=40), nullable=True))
    op.add_column("suppressions", sa.Column("outcome_ids", sa.JSON(), server_default="[]", nullable=False))
    op.add_column("suppressions", sa.Column("forgiven_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE suppressions SET forgiven_at = lifted_at")


def downgrade() -> None:
    """Drop the columns and tables; suppressions that are not in force go, because older versions know no such thing."""
    op.execute("DELETE FROM suppressions WHERE pending IS NOT NULL")
    op.drop_column("suppressions", "forgiven_at")
    op.drop_column("suppressions", "outcome_ids")
    op.drop_column("suppressions", "pending")
    op.drop_index("ix_outcomes_failed", table_name="outcomes")
    for column in reversed(_of_outcomes()):
        op.drop_column("outcomes", column.name)
    op.drop_table("alerts")
    op.drop_table("arrivals")


def _of_outcomes() -> list[sa.Column[Any]]:
    return [
        sa.Column("identified_by", sa.String(40), nullable=True),
        sa.Column("provider", sa.String(length=40), server_default="", nullable=False),
        sa.Column("arrival_id", BIG_ID, nullable=True),
        sa.Column("named_recipient", sa.String(length=320), nullable=True),
        sa.Column("is_hard", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("is_final", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("answer_to", sa.String(length=320), nullable=True),
    ]
