"""Understand what Mailjet tells."""
