"""Keep what comes in from outside until it is read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table."""
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


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("arrivals")
