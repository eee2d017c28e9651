"""Render issues, notices and pages with Jinja2."""
