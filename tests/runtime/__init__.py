"""Test settings, clock, ids and logs."""
