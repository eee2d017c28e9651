"""Understand what Postmark tells."""
