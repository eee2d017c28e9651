"""Deliver newsletters for publishers: from a feed to an inbox."""

__version__ = "0.1.0"
