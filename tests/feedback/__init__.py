"""Test what comes back."""
