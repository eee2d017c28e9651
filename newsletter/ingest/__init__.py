"""Bring articles in, by polling and by push."""
