"""Hand messages to a relay."""
