"""Understand what Amazon SES tells."""
