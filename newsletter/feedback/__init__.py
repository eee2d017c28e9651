"""Act on what comes back."""
