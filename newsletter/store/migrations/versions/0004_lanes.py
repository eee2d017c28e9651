"""Let urgent mailings go first, spread issues over time, name the worker of a window, find open work by index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; trade the indices over all batches for one over the open ones."""
    op.add_column("newsletters", sa.Column("spread_minutes", sa.SmallInteger(), server_default="0", nullable=False))
    op.add_column("mailings", sa.Column("lane", sa.SmallInteger(), server_default="0", nullable=False))
    op.add_column("windows", sa.Column("holder", sa.String(length=32), server_default="", nullable=False))
    op.create_index("ix_windows_holder", "windows", ["holder"])
    op.drop_index("ix_batches_due", table_name="batches")
    op.drop_index("ix_batches_retry", table_name="batches")
    is_open = sa.text("status = 'pending' OR retry_at IS NOT NULL")
    op.create_index(
        "ix_batches_open", "batches", ["mailing_id", "due_at"], postgresql_where=is_open, sqlite_where=is_open
    )
    is_unfinished = sa.text("finished_at IS NULL")
    op.create_index(
        "ix_mailings_unfinished",
        "mailings",
        ["lane", "id"],
        postgresql_where=is_unfinished,
        sqlite_where=is_unfinished,
    )
    op.create_index("ix_mailings_highest", "mailings", ["newsletter_id", "highest"])


def downgrade() -> None:
    """Give the indices back; drop the columns."""
    op.drop_index("ix_mailings_highest", table_name="mailings")
    op.drop_index("ix_mailings_unfinished", table_name="mailings")
    op.drop_index("ix_batches_open", table_name="batches")
    op.create_index("ix_batches_retry", "batches", ["retry_at"])
    op.create_index("ix_batches_due", "batches", ["status", "due_at"])
    op.drop_index("ix_windows_holder", table_name="windows")
    op.drop_column("windows", "holder")
    op.drop_column("mailings", "lane")
    op.drop_column("newsletters", "spread_minutes")
