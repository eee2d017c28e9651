"""Put the parts together: the only place where they meet."""
