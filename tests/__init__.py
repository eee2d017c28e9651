"""Test the service with real parts: no mocks, no eager tasks."""
