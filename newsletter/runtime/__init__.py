"""Provide settings, clock, ids and logs."""
