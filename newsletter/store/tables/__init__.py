"""Define the tables."""
