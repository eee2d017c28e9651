"""Understand what Resend tells."""
