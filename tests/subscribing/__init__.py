"""Test this floor."""
