"""Remember how the mailboxes fare that mail is collected from, and who looks into them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "collected_mailboxes",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("collected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure_count", sa.Integer(), nullable=False),
        sa.Column("fault", sa.String(length=40), nullable=False),
        sa.Column("fault_text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_collected_mailboxes"),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("collected_mailboxes")
