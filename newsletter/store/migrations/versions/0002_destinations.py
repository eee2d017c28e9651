"""Keep what is known of destinations: their rates, suspensions, warm-ups."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables; note when a domain's mail servers were asked for, and find domains by them."""
    op.create_table(
        "destinations",
        sa.Column("relay", sa.String(length=260), nullable=False),
        sa.Column("mx_group", sa.String(length=253), nullable=False),
        sa.Column("rate", sa.Float(), nullable=True),
        sa.Column("limit_rate", sa.Float(), nullable=True),
        sa.Column("suspended_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hits", sa.Integer(), nullable=False),
        sa.Column("last_hit_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_reply", sa.Text(), nullable=False),
        sa.Column("grows_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fault", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("relay", "mx_group", name="pk_destinations"),
    )
    op.create_table(
        "warmups",
        sa.Column("domain", sa.String(length=253), nullable=False),
        sa.Column("started_on", sa.Date(), nullable=False),
        sa.Column("day", sa.SmallInteger(), nullable=False),
        sa.Column("ceiling", sa.Integer(), nullable=False),
        sa.Column("set_on", sa.Date(), nullable=False),
        sa.Column("used_on", sa.Date(), nullable=True),
        sa.Column("halved_on", sa.Date(), nullable=True),
        sa.Column("history", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("domain", name="pk_warmups"),
    )
    op.add_column("domains", sa.Column("mx_tried_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_domains_mx_group", "domains", ["mx_group"])


def downgrade() -> None:
    """Drop the tables; the mail servers that are known stay."""
    op.drop_index("ix_domains_mx_group", table_name="domains")
    op.drop_column("domains", "mx_tried_at")
    op.drop_table("warmups")
    op.drop_table("destinations")
