"""Serve readers, websites and hooks."""
