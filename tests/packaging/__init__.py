"""Test the project itself: lock, wheel, words, documents."""
