"""Fetch and parse what publishers offer."""
