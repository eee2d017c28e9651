"""Understand what Mailgun tells."""
