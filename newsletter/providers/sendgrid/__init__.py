"""Understand what SendGrid tells."""
