"""Understand what SparkPost tells."""
