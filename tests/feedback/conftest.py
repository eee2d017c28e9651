"""Provide an installation that mailed two readers."""

from __future__ import annotations

import pytest

from newsletter.store import Database
from tests.feedback.post import Post


@pytest.fixture
def post(database: Database) -> Post:
    """Mail two readers at noon."""
    return Post.begin(database)
