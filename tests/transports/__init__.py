"""Test the transports."""
