"""Understand what Brevo tells."""
