"""Test the sending of issues."""
