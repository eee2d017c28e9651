"""Hold the only SQL of the service."""
