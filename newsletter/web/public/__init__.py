"""Serve the pages that readers see."""
