"""Test the embedded parts."""
