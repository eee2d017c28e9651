"""Deliver newsletters for publishers: from a feed to an inbox."""
