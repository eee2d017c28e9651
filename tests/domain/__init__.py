"""Test the rules."""
