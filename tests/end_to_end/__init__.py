"""Test the whole service: the Procfile's own lines against real servers."""
