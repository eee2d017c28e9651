"""Turn models into message bytes and message bytes into facts."""
