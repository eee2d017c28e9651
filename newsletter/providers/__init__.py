"""Understand the events of mail providers."""
