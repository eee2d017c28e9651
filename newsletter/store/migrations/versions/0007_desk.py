"""Make room for the digest desk: stories, rules, editors, schedules of readers, clicks, hubs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables; add the columns."""
    op.create_table(
        "audit_events",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("way", sa.String(length=40), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("newsletter_id", sa.Integer(), nullable=True),
        sa.Column("issue_id", sa.Integer(), nullable=True),
        sa.Column("article_id", BIG_ID, nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_events"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_events_at", "audit_events", ["at"], unique=False)
    op.create_index("ix_audit_events_issue", "audit_events", ["issue_id", "at"], unique=False)
    op.create_table(
        "editors",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("newsletters", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_editors"),
        sa.UniqueConstraint("name", name="uq_editors_name"),
    )
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("editor_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("newsletters", sa.JSON(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["editor_id"], ["editors.id"], name="fk_api_tokens_editor_id"),
        sa.PrimaryKeyConstraint("id", name="pk_api_tokens"),
        sa.UniqueConstraint("secret_hash", name="uq_api_tokens_secret_hash"),
    )
    op.create_table(
        "click_counts",
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("arm", sa.SmallInteger(), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("human_count", sa.Integer(), nullable=False),
        sa.Column("machine_count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name="fk_click_counts_issue_id"),
        sa.PrimaryKeyConstraint("issue_id", "number", "arm", "hour", name="pk_click_counts"),
    )
    op.create_table(
        "desk_items",
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("article_id", BIG_ID, nullable=False),
        sa.Column("pin", sa.SmallInteger(), nullable=True),
        sa.Column("is_banned", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("is_missed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("missed_place", sa.SmallInteger(), nullable=True),
        sa.Column("title", sa.String(length=300), nullable=True),
        sa.ForeignKeyConstraint(["article_id"], ["articles.id"], name="fk_desk_items_article_id"),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name="fk_desk_items_issue_id"),
        sa.PrimaryKeyConstraint("issue_id", "article_id", name="pk_desk_items"),
    )
    op.create_index("ix_desk_items_article_id", "desk_items", ["article_id"], unique=False)
    op.create_table(
        "desk_links",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("editor_id", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["editor_id"], ["editors.id"], name="fk_desk_links_editor_id"),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name="fk_desk_links_issue_id"),
        sa.PrimaryKeyConstraint("id", name="pk_desk_links"),
    )
    op.create_index("ix_desk_links_issue_id", "desk_links", ["issue_id"], unique=False)
    op.create_table(
        "issue_articles",
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("article_id", BIG_ID, nullable=False),
        sa.Column("verdict", sa.String(length=40), nullable=False),
        sa.Column("rank", sa.SmallInteger(), nullable=True),
        sa.Column("lead_id", BIG_ID, nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["article_id"], ["articles.id"], name="fk_issue_articles_article_id"),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name="fk_issue_articles_issue_id"),
        sa.PrimaryKeyConstraint("issue_id", "article_id", name="pk_issue_articles"),
    )
    op.create_index("ix_issue_articles_article_id", "issue_articles", ["article_id"], unique=False)
    op.create_table(
        "story_links",
        sa.Column("first_id", BIG_ID, nullable=False),
        sa.Column("second_id", BIG_ID, nullable=False),
        sa.Column("is_same", sa.Boolean(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["first_id"], ["articles.id"], name="fk_story_links_first_id"),
        sa.ForeignKeyConstraint(["second_id"], ["articles.id"], name="fk_story_links_second_id"),
        sa.PrimaryKeyConstraint("first_id", "second_id", name="pk_story_links"),
    )
    op.create_index("ix_story_links_second_id", "story_links", ["second_id"], unique=False)
    op.create_table(
        "story_members",
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("article_id", BIG_ID, nullable=False),
        sa.Column("lead_id", BIG_ID, nullable=False),
        sa.ForeignKeyConstraint(["article_id"], ["articles.id"], name="fk_story_members_article_id"),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name="fk_story_members_issue_id"),
        sa.ForeignKeyConstraint(["lead_id"], ["articles.id"], name="fk_story_members_lead_id"),
        sa.PrimaryKeyConstraint("issue_id", "article_id", name="pk_story_members"),
    )
    op.create_index("ix_story_members_article_id", "story_members", ["article_id"], unique=False)
    op.create_index("ix_story_members_lead_id", "story_members", ["lead_id"], unique=False)
    op.create_table(
        "beats",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_beats"),
    )
    op.add_column("topics", sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("alerts", sa.Column("newsletter_id", sa.Integer(), nullable=True))
    op.add_column("alerts", sa.Column("mailed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("alerts", sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("articles", sa.Column("importance", sa.SmallInteger(), server_default="0", nullable=False))
    op.add_column("articles", sa.Column("feed_position", sa.SmallInteger(), nullable=True))
    op.add_column("articles", sa.Column("story_key", sa.String(length=200), nullable=True))
    op.add_column(
        "articles", sa.Column("is_worth_telling", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("articles", sa.Column("image_checked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("articles", sa.Column("image_fault", sa.String(length=40), nullable=True))
    op.add_column(
        "articles", sa.Column("is_image_of_page", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("articles", sa.Column("repeats_id", BIG_ID, nullable=True))
    op.add_column("articles", sa.Column("retracted_by", sa.String(length=40), nullable=True))
    op.create_index("ix_articles_seen", "articles", ["first_seen_at"], unique=False)
    if op.get_bind().dialect.name == "postgresql":  # on SQLite a whole number takes what it needs
        op.alter_column("messages", "subscriber_id", type_=sa.Integer(), existing_type=sa.BigInteger())
    op.create_index(
        "ix_articles_retracted",
        "articles",
        ["number"],
        unique=False,
        postgresql_where=sa.text("retracted_at IS NOT NULL"),
        sqlite_where=sa.text("retracted_at IS NOT NULL"),
    )
    op.add_column("issues", sa.Column("note", sa.Text(), server_default="", nullable=False))
    op.add_column("issues", sa.Column("subjects", sa.JSON(), server_default="[]", nullable=False))
    op.add_column("issues", sa.Column("is_flash", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("issues", sa.Column("is_fallback", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("issues", sa.Column("is_held", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("issues", sa.Column("told_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("mailings", sa.Column("missed", sa.LargeBinary(), nullable=True))
    op.add_column("mailings", sa.Column("test_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("mailings", sa.Column("winner", sa.SmallInteger(), nullable=True))
    op.add_column(
        "mailings", sa.Column("winner_reason", sa.String(length=40), server_default="", nullable=False)
    )
    op.drop_index("ix_mailings_highest", table_name="mailings")
    op.create_index("ix_mailings_highest", "mailings", ["highest"], unique=False)
    op.create_index("ix_mailings_started", "mailings", ["started_at"], unique=False)
    op.add_column(
        "message_details", sa.Column("language", sa.SmallInteger(), server_default="0", nullable=False)
    )
    op.add_column("newsletter_articles", sa.Column("reason", sa.String(length=40), nullable=True))
    op.add_column("newsletter_articles", sa.Column("section", sa.SmallInteger(), nullable=True))
    op.add_column(
        "newsletter_articles", sa.Column("weight", sa.SmallInteger(), server_default="0", nullable=False)
    )
    op.add_column("newsletters", sa.Column("rules", sa.Text(), server_default="", nullable=False))
    op.add_column("notices", sa.Column("address", sa.String(length=254), nullable=True))
    with op.batch_alter_table("notices") as notices:
        notices.alter_column("subscriber_id", existing_type=BIG_ID, nullable=True)
    op.add_column("sources", sa.Column("mapping", sa.JSON(), server_default="[]", nullable=False))
    op.add_column("sources", sa.Column("importance", sa.SmallInteger(), server_default="0", nullable=False))
    op.add_column("sources", sa.Column("pace_seconds", sa.Integer(), nullable=True))
    op.add_column("sources", sa.Column("rhythm_seconds", sa.Integer(), nullable=True))
    op.add_column("sources", sa.Column("last_new_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("sources", sa.Column("lost_count", sa.Integer(), server_default="0", nullable=False))
    op.add_column("sources", sa.Column("moved_url", sa.String(length=2000), nullable=True))
    op.add_column("sources", sa.Column("moved_count", sa.SmallInteger(), server_default="0", nullable=False))
    op.add_column("sources", sa.Column("moved_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("sources", sa.Column("former_urls", sa.JSON(), server_default="[]", nullable=False))
    op.add_column("sources", sa.Column("floor_seconds", sa.Integer(), nullable=True))
    op.add_column("sources", sa.Column("skip_hours", sa.Integer(), server_default="0", nullable=False))
    op.add_column("sources", sa.Column("skipped", sa.JSON(), server_default="{}", nullable=False))
    op.add_column("sources", sa.Column("hub_url", sa.String(length=2000), nullable=True))
    op.add_column("sources", sa.Column("hub_topic", sa.String(length=2000), nullable=True))
    op.add_column("sources", sa.Column("hub_token", sa.String(length=40), nullable=True))
    op.add_column("sources", sa.Column("hub_secret", sa.String(length=64), nullable=True))
    op.add_column("sources", sa.Column("hub_asked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("sources", sa.Column("hub_until", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_sources_hub_token", "sources", ["hub_token"], unique=True)
    op.add_column("subscribers", sa.Column("zone", sa.String(length=64), nullable=True))
    op.add_column("subscriptions", sa.Column("hour", sa.SmallInteger(), nullable=True))
    op.add_column("subscriptions", sa.Column("snoozed_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("subscriptions", sa.Column("first_due_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_subscriptions_first",
        "subscriptions",
        ["newsletter_id", "first_due_at"],
        unique=False,
        postgresql_where=sa.text("first_due_at IS NOT NULL"),
        sqlite_where=sa.text("first_due_at IS NOT NULL"),
    )

    _keep_append_only()


def downgrade() -> None:
    """Drop the columns and tables; what older versions do not know goes or becomes what is nearest to it."""
    op.execute("DELETE FROM notices WHERE subscriber_id IS NULL OR kind IN ('desk', 'alert')")
    op.execute("UPDATE subscriptions SET cadence = 'daily' WHERE cadence = 'weekdays'")
    _forget_first_mailings()
    op.drop_index(
        "ix_subscriptions_first",
        table_name="subscriptions",
        postgresql_where=sa.text("first_due_at IS NOT NULL"),
        sqlite_where=sa.text("first_due_at IS NOT NULL"),
    )
    op.drop_column("subscriptions", "first_due_at")
    op.drop_column("subscriptions", "snoozed_until")
    op.drop_column("subscriptions", "hour")
    op.drop_column("subscribers", "zone")
    op.drop_index("ix_sources_hub_token", table_name="sources")
    op.drop_column("sources", "hub_until")
    op.drop_column("sources", "hub_asked_at")
    op.drop_column("sources", "hub_secret")
    op.drop_column("sources", "hub_token")
    op.drop_column("sources", "hub_topic")
    op.drop_column("sources", "hub_url")
    op.drop_column("sources", "skipped")
    op.drop_column("sources", "skip_hours")
    op.drop_column("sources", "floor_seconds")
    op.drop_column("sources", "former_urls")
    op.drop_column("sources", "moved_since")
    op.drop_column("sources", "moved_count")
    op.drop_column("sources", "moved_url")
    op.drop_column("sources", "lost_count")
    op.drop_column("sources", "last_new_at")
    op.drop_column("sources", "rhythm_seconds")
    op.drop_column("sources", "pace_seconds")
    op.drop_column("sources", "importance")
    op.drop_column("sources", "mapping")
    with op.batch_alter_table("notices") as notices:
        notices.alter_column("subscriber_id", existing_type=BIG_ID, nullable=False)
    op.drop_column("notices", "address")
    op.drop_column("newsletters", "rules")
    op.drop_column("newsletter_articles", "weight")
    op.drop_column("newsletter_articles", "section")
    op.drop_column("newsletter_articles", "reason")
    op.drop_column("message_details", "language")
    op.drop_index("ix_mailings_started", table_name="mailings")
    op.drop_index("ix_mailings_highest", table_name="mailings")
    op.create_index("ix_mailings_highest", "mailings", ["newsletter_id", "highest"], unique=False)
    op.drop_column("mailings", "winner_reason")
    op.drop_column("mailings", "winner")
    op.drop_column("mailings", "test_until")
    op.drop_column("mailings", "missed")
    op.drop_column("issues", "told_at")
    op.drop_column("issues", "is_held")
    op.drop_column("issues", "is_fallback")
    op.drop_column("issues", "is_flash")
    op.drop_column("issues", "subjects")
    op.drop_column("issues", "note")
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("messages", "subscriber_id", type_=sa.BigInteger(), existing_type=sa.Integer())
    op.drop_index("ix_articles_retracted", table_name="articles")
    op.drop_index("ix_articles_seen", table_name="articles")
    op.drop_column("articles", "retracted_by")
    op.drop_column("articles", "repeats_id")
    op.drop_column("articles", "is_image_of_page")
    op.drop_column("articles", "image_fault")
    op.drop_column("articles", "image_checked_at")
    op.drop_column("articles", "is_worth_telling")
    op.drop_column("articles", "story_key")
    op.drop_column("articles", "feed_position")
    op.drop_column("articles", "importance")
    op.drop_column("alerts", "resolved_at")
    op.drop_column("alerts", "mailed_at")
    op.drop_column("alerts", "newsletter_id")
    op.drop_column("topics", "retired_at")
    op.drop_table("beats")
    op.drop_index("ix_story_members_lead_id", table_name="story_members")
    op.drop_index("ix_story_members_article_id", table_name="story_members")
    op.drop_table("story_members")
    op.drop_index("ix_story_links_second_id", table_name="story_links")
    op.drop_table("story_links")
    op.drop_index("ix_issue_articles_article_id", table_name="issue_articles")
    op.drop_table("issue_articles")
    op.drop_index("ix_desk_links_issue_id", table_name="desk_links")
    op.drop_table("desk_links")
    op.drop_index("ix_desk_items_article_id", table_name="desk_items")
    op.drop_table("desk_items")
    op.drop_table("click_counts")
    op.drop_table("api_tokens")
    op.drop_table("editors")
    op.drop_index("ix_audit_events_issue", table_name="audit_events")
    op.drop_index("ix_audit_events_at", table_name="audit_events")
    op.drop_table("audit_events")

    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_audit_change()")


def _forget_first_mailings() -> None:
    firsts = "(SELECT id FROM mailings WHERE kind = 'first')"
    theirs = f"(SELECT id FROM batches WHERE mailing_id IN {firsts})"
    op.execute(f"DELETE FROM message_details WHERE mailing_id IN {firsts}")
    op.execute(f"DELETE FROM windows WHERE batch_id IN {theirs}")
    op.execute(f"UPDATE bucket_leases SET batch_id = NULL WHERE batch_id IN {theirs}")
    op.execute(f"DELETE FROM batches WHERE mailing_id IN {firsts}")
    op.execute("DELETE FROM mailings WHERE kind = 'first'")


def _keep_append_only() -> None:
    """Refuse changes of what people did."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            """
            CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'audit_events is append-only'; END $$
            """
        )
        op.execute(
            """
            CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE ON audit_events
            FOR EACH ROW EXECUTE FUNCTION refuse_audit_change()
            """
        )
        return
    for action in ("UPDATE", "DELETE"):
        op.execute(
            f"""
            CREATE TRIGGER audit_events_no_{action.lower()} BEFORE {action} ON audit_events
            BEGIN SELECT RAISE(ABORT, 'audit_events is append-only'); END
            """
        )
