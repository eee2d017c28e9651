"""Run migrations on the connection that migrate.py opens."""

from __future__ import annotations

from alembic import context

from newsletter.store.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
