"""Create the tables of the whole chain: readers, articles, issues, mailings, notices."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables."""

    op.create_table(
        "counters",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counters")),
    )
    op.create_table(
        "domains",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("name", sa.String(length=253), nullable=False),
        sa.Column("mx_group", sa.String(length=253), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_domains")),
        sa.UniqueConstraint("name", name=op.f("uq_domains_name")),
    )
    op.create_table(
        "hook_deliveries",
        sa.Column("hook", sa.String(length=40), nullable=False),
        sa.Column("delivery_id", sa.String(length=200), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("response", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("hook", "delivery_id", name=op.f("pk_hook_deliveries")),
    )
    op.create_table(
        "messages",
        sa.Column("mailing_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("subscriber_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.Column("code", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("picks", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("mailing_id", "subscriber_id", name=op.f("pk_messages")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "newsletters",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("description", sa.String(length=400), nullable=False),
        sa.Column("from_name", sa.String(length=120), nullable=False),
        sa.Column("from_address", sa.String(length=254), nullable=False),
        sa.Column("reply_to", sa.String(length=254), nullable=True),
        sa.Column("postal_address", sa.String(length=400), nullable=False),
        sa.Column("home_url", sa.String(length=2000), nullable=False),
        sa.Column("privacy_url", sa.String(length=2000), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("direction", sa.String(length=3), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("accent", sa.String(length=7), nullable=False),
        sa.Column("background", sa.String(length=7), nullable=False),
        sa.Column("logo_url", sa.String(length=2000), nullable=False),
        sa.Column("story_minimum", sa.SmallInteger(), nullable=False),
        sa.Column("story_maximum", sa.SmallInteger(), nullable=False),
        sa.Column("on_silence", sa.String(40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_newsletters")),
        sa.UniqueConstraint("slug", name=op.f("uq_newsletters_slug")),
    )
    op.create_table(
        "outcomes",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("event_key", sa.String(length=200), nullable=True),
        sa.Column("mailing_id", sa.Integer(), nullable=True),
        sa.Column("subscriber_id", BIG_ID, nullable=True),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("category", sa.String(length=40), nullable=False),
        sa.Column("reply_code", sa.SmallInteger(), nullable=True),
        sa.Column("reply_enhanced", sa.String(length=12), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("acted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outcomes")),
        sa.UniqueConstraint("event_key", name=op.f("uq_outcomes_event_key")),
    )
    op.create_index("ix_outcomes_mailing", "outcomes", ["mailing_id", "kind"], unique=False)
    op.create_index(
        "ix_outcomes_open",
        "outcomes",
        ["id"],
        unique=False,
        postgresql_where=sa.text("acted_at IS NULL"),
        sqlite_where=sa.text("acted_at IS NULL"),
    )
    op.create_index("ix_outcomes_subscriber", "outcomes", ["subscriber_id", "at"], unique=False)
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(40), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_keys")),
        sa.UniqueConstraint("purpose", "number", name=op.f("uq_signing_keys_purpose_number")),
    )
    op.create_table(
        "suppressions",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("address_key", sa.String(length=254), nullable=False),
        sa.Column("scope", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppressions")),
        sa.UniqueConstraint("address_key", "scope", name=op.f("uq_suppressions_address_key_scope")),
    )
    op.create_table(
        "schedules",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("newsletter_id", sa.Integer(), nullable=False),
        sa.Column("cron", sa.String(length=120), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("next_slot_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletters.id"], name=op.f("fk_schedules_newsletter_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedules")),
    )
    op.create_index("ix_schedules_due", "schedules", ["next_slot_at"], unique=False)
    op.create_table(
        "sources",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("newsletter_id", sa.Integer(), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("include_existing", sa.Boolean(), nullable=False),
        sa.Column("interval_seconds", sa.Integer(), nullable=False),
        sa.Column("etag", sa.String(length=500), nullable=True),
        sa.Column("last_modified", sa.String(length=100), nullable=True),
        sa.Column("next_poll_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_import_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_poll_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_success_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure_count", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(length=40), nullable=True),
        sa.Column("last_error_text", sa.String(length=500), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["newsletter_id"], ["newsletters.id"], name=op.f("fk_sources_newsletter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sources")),
        sa.UniqueConstraint("newsletter_id", "url", name=op.f("uq_sources_newsletter_id_url")),
    )
    op.create_index("ix_sources_due", "sources", ["status", "next_poll_at"], unique=False)
    op.create_table(
        "subscribers",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("address", sa.String(length=254), nullable=True),
        sa.Column("address_key", sa.String(length=254), nullable=True),
        sa.Column("abuse_key", sa.String(length=254), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=True),
        sa.Column("domain_id", BIG_ID, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["domain_id"], ["domains.id"], name=op.f("fk_subscribers_domain_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscribers")),
        sa.UniqueConstraint("address_key", name=op.f("uq_subscribers_address_key")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_subscribers_abuse_key", "subscribers", ["abuse_key"], unique=False)
    op.create_table(
        "topics",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("newsletter_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["newsletter_id"], ["newsletters.id"], name=op.f("fk_topics_newsletter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_topics")),
        sa.UniqueConstraint("newsletter_id", "number", name=op.f("uq_topics_newsletter_id_number")),
        sa.UniqueConstraint("newsletter_id", "slug", name=op.f("uq_topics_newsletter_id_slug")),
    )
    op.create_table(
        "articles",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=True),
        sa.Column("guid", sa.String(length=2000), nullable=True),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("canonical_url", sa.String(length=2000), nullable=False),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("author", sa.String(length=200), nullable=False),
        sa.Column("image_url", sa.String(length=2000), nullable=False),
        sa.Column("image_width", sa.Integer(), nullable=True),
        sa.Column("image_height", sa.Integer(), nullable=True),
        sa.Column("image_alt", sa.String(length=300), nullable=False),
        sa.Column("categories", sa.JSON(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retracted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_articles_source_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_articles")),
        sa.UniqueConstraint("number", name=op.f("uq_articles_number")),
    )
    op.create_table(
        "consent_events",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("subscriber_id", BIG_ID, nullable=False),
        sa.Column("newsletters", sa.JSON(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscribers.id"], name=op.f("fk_consent_events_subscriber_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_events")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_consent_events_subscriber", "consent_events", ["subscriber_id", "at"], unique=False)
    op.create_table(
        "issues",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("newsletter_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("schedule_id", sa.Integer(), nullable=True),
        sa.Column("slot_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cut_off_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("built_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_by", sa.String(length=120), nullable=True),
        sa.Column("approved_revision", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("fault", sa.Text(), nullable=True),
        sa.Column("nonce", sa.String(length=16), nullable=True),
        sa.Column("frozen", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["newsletter_id"], ["newsletters.id"], name=op.f("fk_issues_newsletter_id")),
        sa.ForeignKeyConstraint(["schedule_id"], ["schedules.id"], name=op.f("fk_issues_schedule_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issues")),
        sa.UniqueConstraint("newsletter_id", "number", name=op.f("uq_issues_newsletter_id_number")),
        sa.UniqueConstraint("schedule_id", "slot_at", name=op.f("uq_issues_schedule_id_slot_at")),
    )
    op.create_index("ix_issues_status", "issues", ["status", "cut_off_at"], unique=False)
    op.create_table(
        "notices",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("subscriber_id", BIG_ID, nullable=False),
        sa.Column("newsletter_id", sa.Integer(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("holder", sa.String(length=32), nullable=True),
        sa.Column("attempt_count", sa.Integer(), nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reply_code", sa.SmallInteger(), nullable=True),
        sa.Column("reply_text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["newsletter_id"], ["newsletters.id"], name=op.f("fk_notices_newsletter_id")),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscribers.id"], name=op.f("fk_notices_subscriber_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
    )
    op.create_index("ix_notices_due", "notices", ["status", "next_attempt_at"], unique=False)
    op.create_index("ix_notices_subscriber", "notices", ["subscriber_id", "created_at"], unique=False)
    op.create_table(
        "subscriptions",
        sa.Column("subscriber_id", BIG_ID, nullable=False),
        sa.Column("newsletter_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("topics", sa.BigInteger(), nullable=False),
        sa.Column("cadence", sa.String(40), nullable=False),
        sa.Column("signup_article", sa.String(length=2000), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.String(40), nullable=True),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletters.id"], name=op.f("fk_subscriptions_newsletter_id")
        ),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscribers.id"], name=op.f("fk_subscriptions_subscriber_id")
        ),
        sa.PrimaryKeyConstraint("subscriber_id", "newsletter_id", name=op.f("pk_subscriptions")),
    )
    op.create_index(
        "ix_subscriptions_audience",
        "subscriptions",
        ["newsletter_id", "status", "subscriber_id"],
        unique=False,
    )
    op.create_table(
        "article_keys",
        sa.Column("kind", sa.String(length=4), nullable=False),
        sa.Column("value", sa.String(length=2100), nullable=False),
        sa.Column("article_id", BIG_ID, nullable=False),
        sa.ForeignKeyConstraint(["article_id"], ["articles.id"], name=op.f("fk_article_keys_article_id")),
        sa.PrimaryKeyConstraint("kind", "value", name=op.f("pk_article_keys")),
    )
    op.create_index(op.f("ix_article_keys_article_id"), "article_keys", ["article_id"], unique=False)
    op.create_table(
        "blocks",
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("style", sa.String(length=20), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name=op.f("fk_blocks_issue_id")),
        sa.PrimaryKeyConstraint("issue_id", "language", "ordinal", name=op.f("pk_blocks")),
    )
    op.create_table(
        "mailings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("newsletter_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("highest", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fault", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name=op.f("fk_mailings_issue_id")),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletters.id"], name=op.f("fk_mailings_newsletter_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mailings")),
        sa.UniqueConstraint("issue_id", "kind", name=op.f("uq_mailings_issue_id_kind")),
    )
    op.create_index("ix_mailings_newsletter", "mailings", ["newsletter_id", "started_at"], unique=False)
    op.create_table(
        "newsletter_articles",
        sa.Column("newsletter_id", sa.Integer(), nullable=False),
        sa.Column("article_id", BIG_ID, nullable=False),
        sa.Column("topics", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_backlog", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["article_id"], ["articles.id"], name=op.f("fk_newsletter_articles_article_id")
        ),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletters.id"], name=op.f("fk_newsletter_articles_newsletter_id")
        ),
        sa.PrimaryKeyConstraint("newsletter_id", "article_id", name=op.f("pk_newsletter_articles")),
    )
    op.create_index(
        "ix_newsletter_articles_window", "newsletter_articles", ["newsletter_id", "seen_at"], unique=False
    )
    op.create_table(
        "batches",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("mailing_id", sa.Integer(), nullable=False),
        sa.Column("wave", sa.SmallInteger(), nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("planned", sa.LargeBinary(), nullable=False),
        sa.Column("planned_count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["mailing_id"], ["mailings.id"], name=op.f("fk_batches_mailing_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
        sa.UniqueConstraint("mailing_id", "wave", "bucket", name=op.f("uq_batches_mailing_id_wave_bucket")),
    )
    op.create_index("ix_batches_due", "batches", ["status", "due_at"], unique=False)
    op.create_index("ix_batches_retry", "batches", ["retry_at"], unique=False)
    op.create_table(
        "bucket_leases",
        sa.Column("bucket", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("batch_id", BIG_ID, nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(length=32), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_bucket_leases_batch_id")),
        sa.PrimaryKeyConstraint("bucket", name=op.f("pk_bucket_leases")),
    )
    op.create_table(
        "windows",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("batch_id", BIG_ID, nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key_ids", sa.JSON(), nullable=False),
        sa.Column("plan", sa.LargeBinary(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_windows_batch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_windows")),
    )
    op.create_index(
        "ix_windows_open",
        "windows",
        ["id"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL"),
        sqlite_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "message_details",
        sa.Column("mailing_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("subscriber_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("batch_id", BIG_ID, nullable=False),
        sa.Column("window_id", BIG_ID, nullable=False),
        sa.Column("address", sa.String(length=254), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("attempt_count", sa.Integer(), nullable=False),
        sa.Column("first_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("reply_code", sa.SmallInteger(), nullable=True),
        sa.Column("reply_enhanced", sa.String(length=12), nullable=True),
        sa.Column("reply_text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_message_details_batch_id")),
        sa.ForeignKeyConstraint(["window_id"], ["windows.id"], name=op.f("fk_message_details_window_id")),
        sa.PrimaryKeyConstraint("mailing_id", "subscriber_id", name=op.f("pk_message_details")),
    )
    op.create_index(
        "ix_message_details_retry", "message_details", ["batch_id", "next_attempt_at"], unique=False
    )

    _keep_append_only()


def downgrade() -> None:
    """Drop the tables."""

    op.drop_table("message_details")
    op.drop_table("windows")
    op.drop_table("bucket_leases")
    op.drop_table("batches")
    op.drop_table("newsletter_articles")
    op.drop_table("mailings")
    op.drop_table("blocks")
    op.drop_table("article_keys")
    op.drop_table("subscriptions")
    op.drop_table("notices")
    op.drop_table("issues")
    op.drop_table("consent_events")
    op.drop_table("articles")
    op.drop_table("topics")
    op.drop_table("subscribers")
    op.drop_table("sources")
    op.drop_table("schedules")
    op.drop_table("suppressions")
    op.drop_table("signing_keys")
    op.drop_table("outcomes")
    op.drop_table("newsletters")
    op.drop_table("messages")
    op.drop_table("hook_deliveries")
    op.drop_table("domains")
    op.drop_table("counters")

    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change()")


def _keep_append_only() -> None:
    """Refuse changes of consent events: they are evidence."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            """
            CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'consent_events is append-only'; END $$
            """
        )
        op.execute(
            """
            CREATE TRIGGER consent_events_append_only BEFORE UPDATE OR DELETE ON consent_events
            FOR EACH ROW EXECUTE FUNCTION refuse_change()
            """
        )
        return
    for action in ("UPDATE", "DELETE"):
        op.execute(
            f"""
            CREATE TRIGGER consent_events_no_{action.lower()} BEFORE {action} ON consent_events
            BEGIN SELECT RAISE(ABORT, 'consent_events is append-only'); END
            """
        )
