"""Answer questions about what happened."""
