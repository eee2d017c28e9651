"""Sign readers up, confirm them, and let them go."""
